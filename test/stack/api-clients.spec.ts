import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { adminToken, call, newVehicle } from '../support/http.js';
import { startTestService, type TestService } from '../support/test-service.js';

/** Linters and generators with a lock file of their own: a user of the service needs none of them. */
const TOOLS = resolve('test/stack/api-tools');
const run = promisify(execFile);
/** Ends with the error of the tool, or with its output. */
const tool = async (name: string, ...args: readonly string[]): Promise<string> => {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  const { stdout, stderr } = await run(join(TOOLS, 'node_modules/.bin', name), args, { env, cwd: directory });
  return stdout + stderr;
};

const isInstalled = existsSync(join(TOOLS, 'node_modules'));
if (!isInstalled) {
  const why =
    'the tools are missing; install them with: npm ci --ignore-scripts --prefix test/stack/api-tools';
  if (process.env['CI'] === 'true') throw new Error(why);
  console.warn(`SKIPPED: ${why}`);
}

let service: TestService;
let directory: string;

(isInstalled ? describe : describe.skip)('the OpenAPI document', () => {
  beforeAll(async () => {
    service = await startTestService();
    directory = mkdtempSync(join(tmpdir(), 'samserver-api-'));
    const { body } = await call(service, 'GET', '/docs-json');
    writeFileSync(join(directory, 'api.json'), JSON.stringify(body));
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true });
    await service.stop();
  });

  it('has no error and no warning of the two linters', async () => {
    const redocly = await tool('redocly', 'lint', 'api.json', '--config', join(TOOLS, 'redocly.yaml'));
    expect(redocly).toMatch(/is valid/);
    expect(redocly).not.toMatch(/You have \d+ warning/);
    await tool(
      'spectral',
      'lint',
      'api.json',
      '--ruleset',
      join(TOOLS, 'spectral.yaml'),
      '--fail-severity=hint',
    );
  });

  it('gives clients of two generators that compile and report a position', async () => {
    await tool('openapi-typescript', 'api.json', '-o', 'api.ts');
    await tool('swagger-typescript-api', 'generate', '-p', 'api.json', '-o', '.', '-n', 'client.ts');
    copyFileSync(join(TOOLS, 'use-client.ts'), join(directory, 'use-client.ts'));
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    symlinkSync(resolve('node_modules'), join(directory, 'node_modules'));
    const compiler = [resolve('node_modules/typescript/bin/tsc'), '--strict', '--target', 'es2023'];
    const options = ['--module', 'nodenext', '--types', 'node', '--skipLibCheck', 'use-client.ts'];
    const compiled = await run(process.execPath, [...compiler, ...options], { cwd: directory }).catch(
      (error: { readonly stdout: string }) => error,
    );
    expect(compiled.stdout).toBe('');

    const admin = await adminToken(service);
    const { vehicleId, deviceToken } = await newVehicle(service, admin);
    const args = ['use-client.js', service.url, deviceToken, admin, vehicleId];
    const { stdout } = await run(process.execPath, args, { cwd: directory });
    expect(JSON.parse(stdout)).toEqual({ verdicts: ['stored'], lat: 48.1 });
  });
});
