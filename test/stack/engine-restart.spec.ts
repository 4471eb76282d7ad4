import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { newVehicle, call } from '../support/http.js';
import { until } from '../support/sockets.js';
import { describeOnEngine, docker, inspect, mustRun, ROOT } from './support/engine.js';
import { Stack } from './support/stack.js';

/** Starts the engine of this machine. The test never restarts an engine that it does not own. */
const START_ENGINE = `${ROOT}../shared/docker-engine/up`;
const PID_FILE = '/var/run/docker.pid';
const mayRestart = process.env['CI'] === 'true' && existsSync(START_ENGINE) && existsSync(PID_FILE);
if (!mayRestart) console.warn('SKIPPED: restart of the engine (in CI only, with an engine that CI started)');

(mayRestart ? describeOnEngine : describe.skip)('a restart of the whole engine', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.make();
    await stack.start();
    await stack.untilHealthy('blue');
  }, 420_000);
  afterAll(() => stack.close(), 120_000);

  it('restarts all services without intervention, and no data is missing', async () => {
    const login = await call({ url: stack.url() }, 'POST', '/api/v1/auth/login', {
      body: await stack.admin(),
    });
    const { vehicleId } = await newVehicle({ url: stack.url() }, login.body.accessToken as string);
    const startedBefore = await inspect(stack.container('blue'), '.State.StartedAt');

    const pid = Number(await readFile(PID_FILE, 'utf8'));
    process.kill(pid, 'SIGTERM');
    await until(() => !existsSync(`/proc/${pid}`), 'the engine to end');
    await mustRun(START_ENGINE, ['node']);

    await until(async () => (await docker(['inspect', stack.container('blue')])).code === 0, 'the engine');
    await Promise.all(['blue', 'redis', 'mongo'].map((service) => stack.untilHealthy(service)));
    expect(await inspect(stack.container('nginx'), '.State.Running')).toBe('true');
    expect(await inspect(stack.container('blue'), '.State.StartedAt')).not.toBe(startedBefore);
    const vehicle = await call({ url: stack.url() }, 'GET', `/api/v1/vehicles/${vehicleId}`, {
      token: login.body.accessToken as string,
    });
    expect(vehicle.status).toBe(200);
  }, 240_000);
});
