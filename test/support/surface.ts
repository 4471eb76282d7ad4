import { ModulesContainer } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';

interface Layer {
  readonly route?: { readonly path: string | RegExp; readonly methods: Readonly<Record<string, boolean>> };
}

/** Every route of the running app, as `GET /path/:id`, also those that no controller registered. */
export function routesOf(app: NestExpressApplication): string[] {
  const { router } = app.getHttpAdapter().getInstance() as unknown as { router: { stack: Layer[] } };
  return router.stack.flatMap(({ route }) =>
    route ? Object.keys(route.methods).map((method) => `${method.toUpperCase()} ${String(route.path)}`) : [],
  );
}

/** Every event that a gateway of the running app handles, as `/namespace event`. */
export function socketEventsOf(app: NestExpressApplication): string[] {
  const providers = [...app.get(ModulesContainer).values()].flatMap((module) => [
    ...module.providers.values(),
  ]);
  return providers.flatMap(({ metatype }) => {
    if (typeof metatype !== 'function' || !Reflect.getMetadata('websockets:is_gateway', metatype)) return [];
    const { namespace } = Reflect.getMetadata('websockets:gateway_options', metatype) as {
      namespace: string;
    };
    const prototype = metatype.prototype as Record<string, object>;
    return Object.getOwnPropertyNames(prototype)
      .map((name) => Reflect.getMetadata('message', prototype[name] as object) as string | undefined)
      .filter((event) => event !== undefined)
      .map((event) => `${namespace} ${event}`);
  });
}
