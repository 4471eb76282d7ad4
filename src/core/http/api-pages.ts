import type { INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { IRouter, NextFunction, Request, RequestHandler, Response } from 'express';
import { keepAnswers } from './constant-answers.js';

/** Documents that take long to build and are up to 600 kB. */
const DOCUMENT_PATHS = [
  '/docs-json',
  '/docs-yaml',
  '/docs/swagger-ui-init.js',
  '/docs/docs/swagger-ui-init.js',
  '/docs/asyncapi.yaml',
];

/** The routes of `SwaggerModule.setup('docs', …)`, in its order. */
const PAGE_PATHS = [
  '/docs/swagger-ui-init.js',
  '/docs/docs/swagger-ui-init.js',
  '/docs',
  '/docs/index.html',
  '/docs/LICENSE',
  '/docs/',
  '/docs-json',
  '/docs-yaml',
];
const FILES_PREFIX = '/docs';
/** Below the prefix, and the answer of a controller. */
const CONTROLLER_PATH = '/asyncapi.yaml';

/**
 * Serves the OpenAPI document, its pages and their files below `/docs`. The first request loads the library that builds
 * them; when that fails, the next one tries again.
 */
export function serveApiPages(app: INestApplication, version: string): void {
  keepAnswers(app, DOCUMENT_PATHS);
  let loading: Promise<ApiPages> | null = null;
  const load = (): Promise<ApiPages> =>
    (loading ??= ApiPages.load(app, version).catch((error: unknown) => {
      loading = null;
      throw error;
    }));
  const router = app.getHttpAdapter().getInstance() as IRouter;
  for (const path of PAGE_PATHS)
    router.get(path, async (request: Request, response: Response, next: NextFunction) =>
      (await load()).page(path)(request, response, next),
    );
  router.use(FILES_PREFIX, async (request: Request, response: Response, next: NextFunction) => {
    if (request.path === CONTROLLER_PATH) next();
    else (await load()).files(request, response, next);
  });
}

/** Takes the place of Express while `@nestjs/swagger` registers its routes. */
class ApiPages {
  private readonly pages = new Map<string, RequestHandler>();
  files: RequestHandler = (_request, _response, next) => next();

  static async load(app: INestApplication, version: string): Promise<ApiPages> {
    const { setUpApiPages } = await import('./api-document.js');
    const registered = new ApiPages();
    setUpApiPages(app, version, new ExpressAdapter(registered));
    return registered;
  }

  /** @throws Error when the library does not register a page of this path */
  page(path: string): RequestHandler {
    const handler = this.pages.get(path);
    if (!handler) throw new Error(`@nestjs/swagger has no page ${path}`);
    return handler;
  }

  get(path: string, handler: RequestHandler): void {
    this.pages.set(path, handler);
  }

  /** The last one serves the files; the adapter itself registers one before. */
  use(...given: readonly unknown[]): void {
    this.files = given.at(-1) as RequestHandler;
  }
}
