import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ERROR_CODES, type ErrorCode, statusOfCode } from '../../src/core/index.js';
import { SETTING_DEFINITIONS } from '../../src/config/setting-definitions.js';
import { call } from '../support/http.js';
import { routesOf, socketEventsOf } from '../support/surface.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

/**
 * What clients, dashboards and operators depend on, as recorded in `test/surface/`: a change is either a mistake, or it
 * is intended, and then the record changes in the same commit (`RECORD_SURFACE=1 npm run test:integration -- surface`).
 * Texts for people (descriptions, summaries, examples) are not compared.
 */
let service: TestService;
beforeAll(async () => {
  service = await startTestService({ OPS_TOKEN });
});
afterAll(() => service.stop());

const TEXTS = new Set(['description', 'summary', 'example', 'examples', 'version', 'title']);

function withoutTexts(value: unknown, parent = ''): unknown {
  if (Array.isArray(value)) return value.map((each) => withoutTexts(each));
  if (typeof value !== 'object' || value === null) return value;
  // Names of fields and schemas are kept, even when a name is that of a text, such as `description`.
  const isNamed = parent === 'properties' || parent === 'schemas' || parent === 'messages';
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => isNamed || !TEXTS.has(key))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, withoutTexts(each, key)]),
  );
}

function expectRecorded(name: string, surface: unknown): void {
  const file = new URL(`../surface/${name}.json`, import.meta.url);
  if (process.env['RECORD_SURFACE'] === '1') writeFileSync(file, `${JSON.stringify(surface, null, 2)}\n`);
  expect(surface).toEqual(JSON.parse(readFileSync(file, 'utf8')));
}

it('routes and socket events', () => {
  expectRecorded('routes', {
    routes: routesOf(service.service.app).sort(),
    events: socketEventsOf(service.service.app).sort(),
  });
});

it('the OpenAPI document', async () => {
  expectRecorded('openapi', withoutTexts((await call(service, 'GET', '/docs-json')).body));
});

it('the AsyncAPI document', async () => {
  const { body } = await call(service, 'GET', '/docs/asyncapi.yaml');
  expectRecorded('asyncapi', withoutTexts(parse(body as string)));
});

it('metrics: names and types', async () => {
  const { body } = await call(service, 'GET', '/metrics', { token: OPS_TOKEN });
  const lines = (body as string).split('\n');
  const types = lines.flatMap((line) => /^# TYPE (\S+) (\S+)$/.exec(line)?.slice(1, 3).join(' ') ?? []);
  expectRecorded('metrics', types.sort());
});

it('settings', () => {
  const settings = Object.entries(SETTING_DEFINITIONS).map(([name, { formerNames = [] }]) => ({
    name,
    formerly: formerNames,
  }));
  expectRecorded(
    'settings',
    settings.sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
});

it('error codes', () => {
  const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).map((code) => ({
    code,
    status: statusOfCode(code),
  }));
  expectRecorded(
    'error-codes',
    codes.sort((a, b) => (a.code < b.code ? -1 : 1)),
  );
});
