import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePorts, type Ports, startProcess, temporaryDirectory } from '../support/child-process.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { Scrape } from '../support/scrape.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { ADMIN, OPS_TOKEN } from '../support/test-service.js';

type Line = Readonly<Record<string, unknown>>;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let ports: Ports;
beforeEach(async () => {
  directory = await temporaryDirectory();
  ports = await freePorts();
});
afterEach(() => directory.remove());

const start = (env: Record<string, string>) =>
  startProcess(ports, {
    DATA_DIR: directory.path,
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    OPS_TOKEN,
    RELEASE_COLOR: 'blue',
    RELEASE_REVISION: 'c0ffee0123456789abcdef0123456789abcdef01',
    ...env,
  });

/** Every line is JSON. */
function linesOf({ output }: { output: string }): Line[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

describe('the log of a running service', () => {
  it('has the release in every line, the request id in every line of a request, and no secret', async () => {
    const program = await start({ LOG_LEVEL: 'trace' });
    const service = { url: `http://127.0.0.1:${ports.http}` };
    const token = await adminToken(service);
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const headers = { 'x-request-id': 'night-shift-7', cookie: 'sid=chocolate' };
    await call(service, 'GET', '/api/v1/vehicles?q=query-text-of-a-user', { token, headers });
    await call(service, 'GET', '/health');
    await call(service, 'GET', '/metrics', { token: OPS_TOKEN });
    await call(service, 'GET', '/no/such/path', {});
    const body = { level: 'trace', forS: 0 };
    await call(service, 'PUT', '/api/v1/ops/log-level', { token: OPS_TOKEN, body, headers });
    const device = await connectSocket(`http://127.0.0.1:${ports.socket}`, '/devices', deviceToken);
    await ask(device, 'position', { lat: 48, lon: 11, time: new Date().toISOString() });
    device.close();
    await until(() => /socket disconnected/.test(program.output));
    expect(await program.kill('SIGTERM')).toEqual({ code: 0, signal: null });

    const lines = linesOf(program);
    const release = { version: expect.any(String), revision: 'c0ffee012345', color: 'blue' };
    for (const line of lines) expect(line).toMatchObject({ release, time: expect.stringMatching(/Z$/) });
    const requests = lines.filter(({ msg }) => msg === 'request');
    // The last one: the start of the service asks for its health, too.
    const request = (method: string, route: string): Line | undefined =>
      requests.findLast((line) => line['method'] === method && line['route'] === route);
    expect(request('GET', '/api/v1/vehicles')).toEqual({
      level: 'info',
      time: expect.any(String),
      release,
      requestId: 'night-shift-7',
      context: 'HTTP',
      method: 'GET',
      route: '/api/v1/vehicles',
      status: '200',
      ms: expect.any(Number),
      msg: 'request',
    });
    expect(request('POST', '/api/v1/vehicles/:id/credentials')).toMatchObject({
      level: 'info',
      status: '201',
    });
    expect(request('GET', '/health')).toMatchObject({ level: 'debug', status: '200' });
    expect(request('GET', '/metrics')).toMatchObject({ level: 'debug', status: '200' });
    expect(request('GET', 'unmatched')).toMatchObject({ level: 'info', status: '404' });
    // The log call deep inside gets the id from the request context, not from a parameter.
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'log level changed', requestId: 'night-shift-7' }),
    );
    const socket = lines.filter(({ context }) => context === 'Sockets');
    expect(socket).toMatchObject([
      { level: 'debug', msg: 'socket connected', namespace: '/devices', vehicleId },
      {
        level: 'debug',
        msg: 'socket disconnected',
        namespace: '/devices',
        vehicleId,
        reason: expect.any(String),
      },
    ]);
    for (const secret of [
      ADMIN.password,
      OPS_TOKEN,
      token,
      deviceToken,
      'chocolate',
      'query-text',
      'such/path',
    ])
      expect(program.output).not.toContain(secret);
  });

  it('is dropped and counted while its reader stalls: the service answers, and SIGTERM ends it with 0', async () => {
    const program = await start({ LOG_LEVEL: 'trace', LOG_BUFFER_BYTES: '100000' });
    const service = { url: `http://127.0.0.1:${ports.http}` };
    const dropped = async (): Promise<number> =>
      (await Scrape.of(service)).value('samserver_log_lines_dropped_total') ?? NaN;
    /** Each probe writes a line. The answers show that the event loop turns. */
    const fillThePipe = async (above: number): Promise<void> => {
      program.child.stdout?.pause();
      await until(async () => {
        const probes = await Promise.all(Array.from({ length: 50 }, () => call(service, 'GET', '/health')));
        expect(new Set(probes.map(({ status }) => status))).toEqual(new Set([200]));
        return (await dropped()) > above;
      }, 'the first dropped line');
    };
    expect(await dropped()).toBe(0);
    await fillThePipe(0);

    program.child.stdout?.resume();
    const [, lines] = await program.waitForOutput(/"lines":(\d+),"msg":"log lines dropped"/);
    expect(Number(lines)).toBe(await dropped());
    await call(service, 'GET', '/no/such/path/after', {});
    await program.waitForOutput(/log lines dropped[^]*"route":"unmatched"/);

    await fillThePipe(Number(lines));
    expect(await program.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('has the reason of a crash, also when the reader continues only then', async () => {
    const crash = "process.on('SIGHUP', () => setImmediate(() => { throw new Error('made up') }))";
    const program = await start({
      LOG_LEVEL: 'trace',
      NODE_OPTIONS: `--import="data:text/javascript,${crash}"`,
    });
    const service = { url: `http://127.0.0.1:${ports.http}` };
    program.child.stdout?.pause();
    // More than a pipe holds.
    for (let round = 0; round < 40; round += 1)
      await Promise.all(Array.from({ length: 50 }, () => call(service, 'GET', '/health')));
    program.child.kill('SIGHUP');
    program.child.stdout?.resume();
    expect(await program.exited).toEqual({ code: 70, signal: null });
    const reason = /"level":"fatal".*"message":"made up".*"msg":"uncaught exception"/;
    await until(() => reason.test(program.output), 'the last line');
  });

  it('has the request that was answered in the turn of a crash', async () => {
    const crash = `
      import { subscribe } from 'node:diagnostics_channel';
      subscribe('http.server.response.finish', ({ request, response }) => {
        if (request.url === '/crash') response.once('close', () => { throw new Error('made up'); });
      });`;
    const program = await start({
      LOG_LEVEL: 'info',
      NODE_OPTIONS: `--import="data:text/javascript,${encodeURIComponent(crash)}"`,
    });
    await fetch(`http://127.0.0.1:${ports.http}/crash`).catch(() => undefined);
    expect(await program.exited).toEqual({ code: 70, signal: null });
    await until(() => /"msg":"uncaught exception"/.test(program.output), 'the reason');
    expect(program.output).toMatch(/"route":"unmatched","status":"404"/);
  });

  it('has the level debug after SIGUSR2, and the configured level after the next one, without a restart', async () => {
    const program = await start({ LOG_LEVEL: 'warn' });
    const service = { url: `http://127.0.0.1:${ports.http}` };
    const probe = () => call(service, 'GET', '/health');
    await probe();
    expect(program.output).not.toContain('"/health"');
    program.child.kill('SIGUSR2');
    await program.waitForOutput(/log level changed/);
    await probe();
    await program.waitForOutput(/"route":"\/health"/);
    program.child.kill('SIGUSR2');
    await program.waitForOutput(/log level restored/);
    const before = program.output.length;
    await probe();
    expect((await probe()).status).toBe(200);
    expect(program.output.slice(before)).toBe('');
    expect(await program.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });
});
