import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ERROR_CODES } from '../../src/core/index.js';
import { call } from '../support/http.js';
import { routesOf } from '../support/surface.js';
import { startTestService, type TestService } from '../support/test-service.js';

const DEVICE_CALLS = ['POST /api/v1/positions', 'POST /api/v1/vehicles/{id}/status'];
const USER_OR_OPERATOR_CALLS = ['GET /api/v1/ops/instances', 'GET /api/v1/ops/connections'];
const DEVICE_OR_USER_CALLS = ['POST /api/v1/vehicles/{id}/images'];
const PUBLIC_CALLS = ['POST /api/v1/auth/login', 'POST /api/v1/auth/refresh'];

interface Media {
  readonly schema?: unknown;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly $ref: string }>>;
}
interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, Media>>;
  readonly headers?: Readonly<Record<string, unknown>>;
}
interface Parameter {
  readonly required?: boolean;
  readonly example?: unknown;
  readonly schema?: { readonly example?: unknown };
}
interface Field {
  readonly type?: string;
  readonly properties?: unknown;
  readonly additionalProperties?: unknown;
  readonly allOf?: unknown;
}
interface Operation {
  readonly operationId?: string;
  readonly parameters?: readonly Parameter[];
  readonly summary?: string;
  readonly description?: string;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Answer>>;
}

let service: TestService;
let document: {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties?: Readonly<Record<string, Field>> }>>;
    readonly examples: Readonly<
      Record<string, { readonly value: { code: string; status: number; type: string } }>
    >;
    readonly securitySchemes: Readonly<Record<string, { readonly bearerFormat?: string }>>;
  };
};
beforeAll(async () => {
  service = await startTestService();
  document = (await call(service, 'GET', '/docs-json')).body;
});
afterAll(() => service.stop());

const operations = (): (readonly [string, Operation])[] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, each]) => [`${method.toUpperCase()} ${path}`, each] as const),
  );
const apiOperations = (): (readonly [string, Operation])[] =>
  operations().filter(([name]) => name.includes(' /api/v1/'));
const isUntyped = ({ type, properties, additionalProperties, allOf }: Field): boolean =>
  type === 'object' && !properties && !additionalProperties && !allOf;
const hasExample = (media: Media): boolean => media.example !== undefined || media.examples !== undefined;

/** Names of all operations that fail a check, so that one failed test names them all. */
const namesWhere = (isBad: (operation: Operation, name: string) => boolean): string[] =>
  operations()
    .filter(([name, operation]) => isBad(operation, name))
    .map(([name]) => name);

describe('/docs-json', () => {
  it('has every route of the app except for the documentation pages', () => {
    const routes = routesOf(service.service.app)
      .filter((route) => !/ \/docs(?:-|$|\/(?!asyncapi))/.test(route))
      .map((route) => route.replace(/[:*](\w+)/g, '{$1}'));
    expect(
      operations()
        .map(([name]) => name)
        .sort(),
    ).toEqual([...new Set(routes)].sort());
  });

  it('has a summary, a description and the permitted callers of every call', () => {
    expect(namesWhere(({ summary }) => !summary || summary.length < 8)).toEqual([]);
    expect(namesWhere(({ description }) => !/^For .+\.$/.test(description ?? ''))).toEqual([]);
  });

  it('has the right security scheme', () => {
    expect(Object.keys(document.components.securitySchemes).sort()).toEqual(['device', 'ops', 'user']);
    for (const [name, { security }] of apiOperations()) {
      const scheme = PUBLIC_CALLS.includes(name)
        ? undefined
        : DEVICE_CALLS.includes(name)
          ? 'device'
          : name.includes(' /api/v1/ops/')
            ? 'ops'
            : 'user';
      const both = DEVICE_OR_USER_CALLS.includes(name)
        ? [{ user: [] }, { device: [] }]
        : USER_OR_OPERATOR_CALLS.includes(name) && [{ user: [] }, { ops: [] }];
      expect([name, security]).toEqual([name, both || (scheme ? [{ [scheme]: [] }] : [])]);
    }
    const { user, device, ops } = document.components.securitySchemes;
    expect([user, device, ops].map((scheme) => scheme?.bearerFormat)).toEqual(['JWT', 'opaque', 'opaque']);
  });

  it('has one short name for every call, as generators use it', () => {
    const names = operations().map(([, { operationId }]) => operationId);
    expect(names.filter((name) => !/^[a-z]+(?:[A-Z][a-z]*)*$/.test(name ?? ''))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('fills in no optional filter: a call that a reader tries finds what there is', () => {
    const isFilledIn = ({ required, schema, example }: Parameter): boolean =>
      required !== true && (example !== undefined || schema?.example !== undefined);
    expect(namesWhere(({ parameters }) => parameters?.some(isFilledIn) ?? false)).toEqual([]);
  });

  it('has a type for every field of a body and of an answer', () => {
    const untyped = Object.entries(document.components.schemas).flatMap(([name, { properties }]) =>
      Object.entries(properties ?? {})
        .filter(([, field]) => isUntyped(field))
        .map(([field]) => `${name}.${field}`),
    );
    expect(untyped).toEqual([]);
    expect(
      namesWhere(({ requestBody, responses }, name) =>
        [
          requestBody,
          ...Object.entries(responses).map(([status, answer]) => /^2/.test(status) && answer),
        ].some(
          (part) =>
            name.includes(' /api/v1/') &&
            part &&
            part.content?.['application/json'] !== undefined &&
            !JSON.stringify(part.content['application/json'].schema ?? {}).includes('$ref'),
        ),
      ),
    ).toEqual([]);
  });

  it('has an example of every request body and of every answer with a body', () => {
    expect(
      namesWhere(({ requestBody }) =>
        Object.values(requestBody?.content ?? {}).some((each) => !hasExample(each)),
      ),
    ).toEqual([]);
    expect(
      namesWhere(({ responses }) => {
        const good = Object.entries(responses).filter(([status]) => status.startsWith('2'));
        return (
          good.length === 0 ||
          good.some(
            ([status, { content }]) =>
              status !== '204' && (!content || !Object.values(content).every((each) => hasExample(each))),
          )
        );
      }),
    ).toEqual([]);
  });

  it('has the errors of every call: status, code, and a problem as an example', () => {
    for (const [name, { responses, security, requestBody }] of apiOperations()) {
      const failures = Object.entries(responses).filter(([status]) => Number(status) >= 400);
      const statuses = failures.map(([status]) => status);
      expect([name, statuses]).toEqual([name, expect.arrayContaining(['500', '503'])]);
      if (security?.length) expect([name, statuses]).toEqual([name, expect.arrayContaining(['401', '403'])]);
      if (requestBody) expect([name, statuses]).toEqual([name, expect.arrayContaining(['400', '413'])]);
      if (name.includes('{id}')) expect([name, statuses]).toEqual([name, expect.arrayContaining(['404'])]);
      for (const [status, { description, content, headers }] of failures) {
        const examples = content?.['application/problem+json']?.examples ?? {};
        expect(Object.keys(examples).length).toBeGreaterThan(0);
        for (const [code, { $ref }] of Object.entries(examples)) {
          const { value } = document.components.examples[$ref.split('/').at(-1) ?? ''] ?? {};
          // docs/errors.md is generated from the same table.
          expect(ERROR_CODES).toHaveProperty([code]);
          expect([name, value]).toMatchObject([name, { code, status: Number(status) }]);
          expect(description).toContain(`\`${code}\``);
        }
        if (status === '503' || status === '429') expect(headers).toHaveProperty('Retry-After');
      }
    }
  });

  it('has no dangling reference, and no internal field of its generation', () => {
    const text = JSON.stringify(document);
    for (const [, kind = '', name = ''] of text.matchAll(/"#\/components\/(schemas|examples)\/([^"]+)"/g))
      expect(document.components[kind as 'schemas' | 'examples']).toHaveProperty([name]);
    expect(text).not.toMatch(/"x-/);
  });

  it('has examples that match the real answers', async () => {
    const { body } = await call(service, 'GET', '/api/v1/vehicles');
    const { value } = document.components.examples['auth.token-missing'] ?? {};
    expect(value).toMatchObject({ code: body.code, status: body.status, type: body.type, title: body.title });
  });
});
