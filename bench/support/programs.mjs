/** Starts the programs that a bench measures, as processes of their own on 127.0.0.1, and ends them with the bench. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

const { fetch } = globalThis;
const START_LIMIT_MS = 60_000;
const END_LIMIT_MS = 30_000;
const JWT_SECRET = 'a secret of the bench, more than 32 bytes';
export const ADMIN = { email: 'bench@example.org', password: 'bench bench bench' };
/** The clone that contains this bench. */
export const HERE = resolve(import.meta.dirname, '../..');

export class Programs {
  #children = new Set();
  #directories = [];
  #abort = () => {
    this.#children.forEach((child) => child.kill('SIGKILL'));
    this.#directories.forEach((path) => rmSync(path, { recursive: true, force: true }));
  };

  constructor() {
    process.on('exit', this.#abort);
  }

  async directory() {
    const path = await mkdtemp(join(tmpdir(), 'samserver-bench-'));
    this.#directories.push(path);
    return path;
  }

  /**
   * Starts a script with a message channel, and waits for its first message.
   * @returns the child process, and that message
   */
  async fork(path, args = []) {
    const child = fork(path, args, {
      env: baseEnv(),
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.own(child, path);
    const [message] = await once(child, 'message');
    return { child, pid: child.pid, message };
  }

  /** Starts a program and waits until its output matches `ready`. @returns the child process, and the match */
  async spawn(file, args, { env = {}, cwd, ready }) {
    const child = spawn(file, args, {
      env: { ...baseEnv(), ...env },
      cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.own(child, [file, ...args].join(' '));
    let output = '';
    const matched = new Promise((settle) =>
      child.stdout.on('data', (chunk) => {
        output = (output + chunk).slice(-100_000);
        const match = ready.exec(output);
        if (match) settle(match);
      }),
    );
    return { child, pid: child.pid, match: await matched };
  }

  /** `samserver db`: the embedded database, which flushes each commit. @param root clone with `dist` */
  async startDatabase(root = HERE) {
    const directory = await this.directory();
    const args = [join(root, 'dist/cli.js'), 'db', '--directory', directory, '--port', '0'];
    const started = await this.spawn(process.execPath, args, {
      ready: /MONGODB_URL=(mongodb:\/\/[^/]+\/)\S*\n/,
    });
    const [, server] = started.match;
    return { pid: started.pid, child: started.child, urlOf: (name) => `${server}${name}?retryWrites=false` };
  }

  /**
   * The service. Resolves when it is ready, unless `isAwaited` is false.
   * @param env without MONGODB_URL and DATA_DIR it uses a new directory with its own embedded database
   */
  async startService({ root = HERE, env = {}, port, isAwaited = true } = {}) {
    const [http, socket] = [port ?? (await freePort()), await freePort()];
    const isAlone = env.MONGODB_URL === undefined && env.DATA_DIR === undefined;
    const child = spawn(process.execPath, [join(root, 'dist/main.js')], {
      env: {
        ...baseEnv(),
        ...(isAlone && { DATA_DIR: await this.directory() }),
        SCHEMA_ON_START: 'up',
        JWT_SECRET,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        ACCESS_TOKEN_TTL_S: '86400',
        HTTP_HOST: '127.0.0.1',
        HTTP_PORT: String(http),
        SOCKET_SERVER_PORT: String(socket),
        LOG_LEVEL: 'warn',
        // All clients have one address here.
        CONNECTIONS_PER_ADDRESS: '100000',
        ...env,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.own(child, 'the service');
    const url = `http://127.0.0.1:${http}`;
    if (isAwaited) await until(() => isOk(`${url}/ready`), 'the service is not ready');
    return { child, pid: child.pid, http, socket, url };
  }

  /** Runs a command of `samserver` to its end. */
  async command(root, env, ...args) {
    const options = { env: { ...baseEnv(), JWT_SECRET, ...env }, stdio: ['ignore', 'ignore', 'inherit'] };
    const [code] = await once(spawn(process.execPath, [join(root, 'dist/cli.js'), ...args], options), 'exit');
    if (code !== 0) throw new Error(`samserver ${args.join(' ')}: ${code}`);
  }

  async startRedis() {
    const port = await freePort();
    const args = [
      '--bind',
      '127.0.0.1',
      '--port',
      String(port),
      '--dir',
      await this.directory(),
      '--save',
      '',
    ];
    const { pid } = await this.spawn('redis-server', args, { ready: /Ready to accept connections/ });
    return { port, pid };
  }

  /** Ends one program: SIGTERM, and waits for its end. */
  async stop(child) {
    child.removeAllListeners('exit');
    const ended = child.exitCode ?? child.signalCode ?? once(child, 'exit');
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(END_LIMIT_MS, null, { ref: false }).then(() => child.kill('SIGKILL'))]);
    this.#children.delete(child);
  }

  /** Ends all programs and removes their directories. */
  async end() {
    for (const child of this.#children) {
      child.removeAllListeners('exit');
      const ended = child.exitCode ?? child.signalCode ?? once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    this.#children.clear();
    process.off('exit', this.#abort);
    for (const path of this.#directories.splice(0)) await rm(path, { recursive: true, force: true });
  }

  /** Ends a process with the bench. */
  own(child, name) {
    this.#children.add(child);
    // A program that ends during a measurement makes the measurement worthless.
    child.once('exit', (code, signal) => {
      process.stderr.write(`bench: ${name} ended (${code ?? signal})\n`);
      process.exit(1);
    });
    return { child, pid: child.pid };
  }
}

export async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export async function until(condition, message, limitMs = START_LIMIT_MS) {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(message);
    await sleep(20);
  }
}

export function isOk(url) {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Without the developer's own settings: only the variables that a process needs to run. */
function baseEnv() {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME };
}
