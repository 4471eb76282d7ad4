import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import {
  freePorts,
  type Ports,
  Program,
  startProcess,
  statusOf,
  temporaryDirectory,
} from '../support/child-process.js';
import { makeFleet, SendingDevice } from '../support/fleet.js';
import { connectSocket, until } from '../support/sockets.js';

const ROOT = resolve(import.meta.dirname, '../..');

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let ports: Ports;
beforeEach(async () => {
  directory = await temporaryDirectory();
  ports = await freePorts();
});
afterEach(() => directory.remove());

const login = (): { email: string; password: string } =>
  JSON.parse(readFileSync(join(directory.path, 'admin-login.json'), 'utf8')) as {
    email: string;
    password: string;
  };

describe('starting', () => {
  it('logs its ports and the generated login in JSON; the next start logs the same login', async () => {
    const first = await startProcess(ports, { DATA_DIR: directory.path });
    const { email, password } = login();
    await first.waitForOutput(/is ready/);
    const lines = first.output.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual(
      expect.objectContaining({
        httpPort: ports.http,
        socketPort: ports.socket,
        adminLogin: `${email} ${password}`,
      }),
    );
    expect(await first.kill('SIGTERM')).toEqual({ code: 0, signal: null });

    const second = await startProcess(ports, { DATA_DIR: directory.path });
    await second.waitForOutput(/is ready/);
    expect(second.output).toContain(password);
    const { session } = await makeFleet(`http://127.0.0.1:${ports.http}`, { email, password }, 0, 'none');
    expect(await session.accessToken()).toMatch(/^ey/);
    await second.kill('SIGTERM');
  });

  it('never prints a login that came from the environment', async () => {
    const secret = 'from the environment 1';
    const program = await startProcess(ports, {
      DATA_DIR: directory.path,
      ADMIN_EMAIL: 'a@example.org',
      ADMIN_PASSWORD: secret,
      LOG_LEVEL: 'trace',
    });
    expect(program.output).not.toContain(secret);
    await program.kill('SIGTERM');
  });

  it('ends with 78 and a list of all wrong settings, without a stack trace', async () => {
    const program = Program.start('main.js', [], { HTTP_PORT: 'x', TRUST_PROXY: 'y', ENVIRONMENT: 'LIVE' });
    expect(await program.exited).toEqual({ code: 78, signal: null });
    for (const name of ['HTTP_PORT', 'TRUST_PROXY', 'MONGODB_URL'])
      expect(program.output).toContain(`${name}: `);
    expect(program.output).not.toMatch(/^\s+at /m);
  });

  it.each([
    ['quotes', "ENVIRONMENT='LIVE'\n", 'is enclosed in quotes'],
    ['a byte order mark', '\uFEFFENVIRONMENT=LIVE\n', 'starts with a byte order mark'],
    ['UTF-16', Buffer.from('\uFEFFENVIRONMENT=LIVE\n', 'utf16le'), 'is UTF-16'],
  ] as const)(
    'ends with 78 when ENVIRONMENT=LIVE is not readable because of %s in the environment or in .env',
    async (kind, file, fault) => {
      await writeFile(join(directory.path, '.env'), kind === 'quotes' ? '' : file);
      const env: Record<string, string> = kind === 'quotes' ? { ENVIRONMENT: "'LIVE'" } : {};
      for (const [script, args] of [
        ['main.js', []],
        ['cli.js', ['schema', 'status']],
      ] as const) {
        const program = Program.start(script, args, env, directory.path);
        expect(await program.exited).toEqual({ code: 78, signal: null });
        expect(program.output).toContain(fault);
      }
      expect(await readdir(directory.path)).toEqual(['.env']);
    },
  );

  it.each(['HTTP_PORT', 'SOCKET_SERVER_PORT'] as const)(
    'prints one line that names %s when its port is in use',
    async (name) => {
      const other = createServer();
      const port = name === 'HTTP_PORT' ? ports.http : ports.socket;
      await new Promise<void>((settle) => other.listen(port, '127.0.0.1', settle));
      const program = Program.start('main.js', [], {
        DATA_DIR: directory.path,
        HTTP_PORT: String(ports.http),
        SOCKET_SERVER_PORT: String(ports.socket),
        LOG_LEVEL: 'fatal',
      });
      expect(await program.exited).toEqual({ code: 69, signal: null });
      expect(program.output.trim()).toBe(`samserver: ${name}: port ${port} is taken by another program`);
      await new Promise((settle) => other.close(settle));
    },
  );

  it('ends with 69 and one line when another process serves its directory', async () => {
    const first = await startProcess(ports, { DATA_DIR: directory.path });
    const second = Program.start('main.js', [], {
      DATA_DIR: directory.path,
      HTTP_PORT: '0',
      SOCKET_SERVER_PORT: '0',
    });
    expect(await second.exited).toEqual({ code: 69, signal: null });
    expect(second.output).toMatch(/^samserver: DATA_DIR: .* already served by another process/m);
    expect(second.output).not.toMatch(/^\s+at |trying again/m);
    await first.kill('SIGTERM');
  });

  it('prints no generated login when another admin was created first', async () => {
    const env = { DATA_DIR: directory.path };
    const own = { ADMIN_EMAIL: 'a@example.org', ADMIN_PASSWORD: 'from the environment 1' };
    await (await startProcess(ports, { ...env, ...own })).kill('SIGTERM');
    const later = await startProcess(ports, env);
    await later.waitForOutput(/is ready/);
    expect(later.output).not.toContain('adminLogin');
    expect(later.output).not.toContain(login().password);
    await later.kill('SIGTERM');
  });

  it('answers /health and refuses sockets while its database is missing', async () => {
    const program = Program.start('main.js', [], {
      MONGODB_URL: 'mongodb://127.0.0.1:9/samserver',
      JWT_SECRET: 'a test secret that is long enough for HS256',
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: String(ports.http),
      SOCKET_SERVER_PORT: String(ports.socket),
      MONGODB_TIMEOUT_MS: '300',
    });
    const url = `http://127.0.0.1:${ports.http}`;
    await until(async () => (await statusOf(`${url}/health`)) === 200, '/health');
    const ready = await fetch(`${url}/ready`);
    expect(ready.status).toBe(503);
    expect(ready.headers.get('retry-after')).toBe('2');
    expect(await ready.json()).toEqual({ status: 'not_ready', state: 'starting', reasons: ['starting'] });
    const handshake = await fetch(`http://127.0.0.1:${ports.socket}/socket.io/?EIO=4&transport=polling`);
    expect(handshake.status).toBe(503);
    // A client stops reconnecting after an error with `data.code`.
    await expect(
      connectSocket(`http://127.0.0.1:${ports.socket}`, '/devices', 'x'),
    ).rejects.not.toHaveProperty('data');
    const answer = await fetch(`${url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'a@b', password: 'x' }),
    });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    // One line for each attempt, with the reason; a stack would not help.
    const retries = () => program.output.match(/.*startup task failed.*/g) ?? [];
    await until(
      () => retries().length >= 3 && /background job failed/.test(program.output),
      'three attempts',
    );
    for (const line of retries()) expect(line).toContain('"reason":"connect ECONNREFUSED 127.0.0.1:9"');
    expect(program.output).not.toMatch(/"stack"|^\s+at /m);
    expect(await program.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });
});

describe('stopping', () => {
  it('notifies all sockets, closes the transports, answers everything it received, and exits with 0', async () => {
    const program = await startProcess(ports, { DATA_DIR: directory.path });
    const socketUrl = `http://127.0.0.1:${ports.socket}`;
    const { session, vehicles } = await makeFleet(`http://127.0.0.1:${ports.http}`, login(), 5, 'S');
    const subscriber = await connectSocket(socketUrl, '/live', await session.accessToken());
    const notices: unknown[] = [];
    subscriber.on('drain', (notice) => notices.push(notice));
    const reason = new Promise((settle) => subscriber.once('disconnect', settle));
    const devices = vehicles.map((vehicle) => new SendingDevice(socketUrl, vehicle, 5));
    await until(() => devices.every((device) => device.acknowledged.size > 20));

    expect(await program.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(notices).toEqual([{ reconnectWithinMs: 5_000 }]);
    expect(await reason).toBe('transport close');

    const again = await startProcess(ports, { DATA_DIR: directory.path });
    await Promise.all(devices.map((device) => device.stop()));
    for (const device of devices) expect(device.acknowledged.size).toBe(device.sent);
    await again.kill('SIGTERM');
  });

  it('answers the HTTP request in flight', async () => {
    const program = await startProcess(ports, { DATA_DIR: directory.path });
    const body = JSON.stringify(login());
    const socket = connect(ports.http, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    const head = 'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`);
    await new Promise((settle) => setTimeout(settle, 200));
    program.child.kill('SIGTERM');
    await new Promise((settle) => setTimeout(settle, 500));
    socket.write(body.slice(10));
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*accessToken/);
    socket.destroy();
  });

  it('ends the service at SIGTERM to npm start, and frees its ports', async () => {
    const clone = join(directory.path, 'clone');
    await mkdir(clone);
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    // The script of this clone, without its build: other tests use `dist` at the same time.
    const manifest = { type: 'module', scripts: { build: 'true', start: scripts['start'] } };
    await writeFile(join(clone, 'package.json'), JSON.stringify(manifest));
    await symlink(join(ROOT, 'dist'), join(clone, 'dist'));
    const program = Program.run(
      'npm',
      ['start'],
      {
        ...{ DATA_DIR: join(directory.path, 'data'), HTTP_HOST: '127.0.0.1' },
        ...{ HTTP_PORT: String(ports.http), SOCKET_SERVER_PORT: String(ports.socket) },
      },
      clone,
    );
    await program.waitForOutput(/is ready/);
    expect(await program.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    for (const port of [ports.http, ports.socket])
      await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
  });

  it('ends at once at a second signal', async () => {
    const program = await startProcess(ports, { DATA_DIR: directory.path });
    // A request that never ends, so that the first signal waits.
    const socket = connect(ports.http, '127.0.0.1');
    socket.write('POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{');
    await new Promise((settle) => setTimeout(settle, 200));
    program.child.kill('SIGTERM');
    await new Promise((settle) => setTimeout(settle, 500));
    expect(program.child.exitCode).toBeNull();
    program.child.kill('SIGINT');
    expect(await program.exited).toEqual({ code: 130, signal: null });
    socket.destroy();
  });
});

describe('the database alone', () => {
  it('refuses a directory that another process serves', async () => {
    const service = await startProcess(ports, { DATA_DIR: directory.path });
    const second = Program.start(
      'cli.js',
      ['db', '--directory', join(directory.path, 'db'), '--port', '0'],
      {},
    );
    expect((await second.exited).code).not.toBe(0);
    expect(second.output).toContain('already served by another process');
    expect(second.output).not.toMatch(/^\s+at /m);
    await service.kill('SIGTERM');
  });
});
