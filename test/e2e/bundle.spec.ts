import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  freePorts,
  Program,
  startDatabase,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { jpeg, upload } from '../support/pictures.js';
import { ADMIN } from '../support/test-service.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** A start without the bundle loads more than 2,500. */
const MAX_FILES = 60;
/** Packages that may be loaded from node_modules: native code with what it needs, and one with global state. */
const OUTSIDE = ['bcrypt', 'node-gyp-build', 'reflect-metadata'];

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeAll(async () => {
  directory = await temporaryDirectory();
  // As the image has them: docker/Dockerfile.
  cpSync(join(ROOT, 'dist'), join(directory.path, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(directory.path, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(directory.path, 'node_modules'));
  execFileSync(process.execPath, [join(ROOT, 'docker/bundle.mjs'), join(directory.path, 'dist')]);
});
afterAll(() => directory.remove());

it('serves what needs a file of its own, a thread, a process or a package that is loaded on use', async () => {
  const { program, service, token } = await start({ DATA_DIR: join(directory.path, 'data') });
  const { vehicleId, deviceToken } = await newVehicle(service, token);
  const body = { positions: [{ lat: 48, lon: 11, time: new Date().toISOString() }] };
  expect(await call(service, 'POST', '/api/v1/positions', { token: deviceToken, body })).toMatchObject({
    status: 200,
    body: { stored: 1 },
  });
  const bytes = await jpeg(1);
  expect((await upload(service, { vehicleId, token: deviceToken, bytes })).status).toBe(201);
  for (const path of ['/docs', '/docs/swagger-ui.css', '/docs/asyncapi.yaml', '/socket.io/socket.io.js'])
    expect({ path, status: (await fetch(service.url + path)).status }).toEqual({ path, status: 200 });
  const document = (await (await fetch(`${service.url}/docs-json`)).json()) as { info: { version: string } };
  expect(document.info.version).toBe(releaseVersion());
  expect(await program.kill('SIGTERM')).toEqual({ code: 0, signal: null });
});

it('loads few files for a start, and no second copy of a library', async () => {
  const coverage = join(directory.path, 'coverage');
  // Node lists the loaded files there when it ends.
  const env = { SCHEMA_ON_START: 'up', JWT_SECRET: 'a secret of the test, more than 32 bytes' };
  const { url } = await startDatabase(join(directory.path, 'database'));
  const { program } = await start({ ...env, MONGODB_URL: url, NODE_V8_COVERAGE: coverage });
  await program.kill('SIGTERM');
  const files = loadedFiles(coverage);
  expect(files).toContain(join(directory.path, 'dist/service-process.js'));
  // `patchOperationTimeLimit` must change the copy of the driver that the service uses, and decorators must fill the
  // metadata of the copies that read it.
  const packages = files.flatMap((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  expect([...new Set(packages)].filter((name) => !OUTSIDE.includes(name))).toEqual([]);
  expect(files.length).toBeLessThan(MAX_FILES);
});

async function start(
  env: Record<string, string>,
): Promise<{ program: Program; service: { url: string }; token: string }> {
  const ports = await freePorts();
  const program = await startProcess(
    ports,
    {
      IMAGE_MIN_FREE_PCT: '0',
      ...env,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
    },
    join(directory.path, 'dist/main.js'),
  );
  const service = { url: `http://127.0.0.1:${ports.http}` };
  return { program, service, token: await adminToken(service) };
}

function loadedFiles(coverage: string): string[] {
  const urls = readdirSync(coverage).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(coverage, name), 'utf8')) as {
      result: { url: string }[];
    };
    return result.map(({ url }) => url);
  });
  return [...new Set(urls)].filter((url) => url.startsWith('file:')).map((url) => new URL(url).pathname);
}

const releaseVersion = (): string =>
  (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
