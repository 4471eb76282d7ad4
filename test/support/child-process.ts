import { afterAll } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until, WAIT_LIMIT_MS } from './sockets.js';

const DIST = resolve(import.meta.dirname, '../../dist');
const running = new Set<ChildProcess>();
/** Kills the processes of a test file at its end, also after a failed test. */
afterAll(() => running.forEach((child) => child.kill('SIGKILL')));

/** A compiled program as a child process. It ends with the process of the test at the latest. */
export class Program {
  output = '';
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  private constructor(readonly child: ChildProcess) {
    running.add(child);
    child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.exited = new Promise((settle) =>
      child.once('exit', (code, signal) => {
        running.delete(child);
        settle({ code, signal });
      }),
    );
  }

  /** @param script of `dist/`, e.g. `main.js`, or an absolute path */
  static start(script: string, args: readonly string[], env: Record<string, string>, cwd?: string): Program {
    const path = resolve(DIST, script);
    if (!existsSync(path)) throw new Error(`${path} is missing: npm run build (npm test does it)`);
    // The default directory of the spool would be common to all tests.
    const hasDirectory = 'DATA_DIR' in env || 'LEGACY_SPOOL_DIR' in env;
    const complete = hasDirectory ? env : { LEGACY_SPOOL_MAX_BYTES: '0', ...env };
    return Program.run(process.execPath, [path, ...args], complete, cwd);
  }

  /** Without the developer's own settings: only the variables that a process needs to run. */
  static run(file: string, args: readonly string[], env: Record<string, string>, cwd?: string): Program {
    const { PATH = '', HOME = '' } = process.env;
    return new Program(
      spawn(file, args, { env: { PATH, HOME, ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
  }

  async waitForOutput(pattern: RegExp, timeoutMs = WAIT_LIMIT_MS): Promise<RegExpExecArray> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const found = pattern.exec(this.output);
      if (found) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null || performance.now() > endMs) {
        throw new Error(`no output matches ${String(pattern)}; the output:\n${this.output}`);
      }
      await new Promise((settle) => setTimeout(settle, 10));
    }
  }

  async kill(
    signal: NodeJS.Signals = 'SIGKILL',
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.child.kill(signal);
    return this.exited;
  }
}

export interface Ports {
  readonly http: number;
  readonly socket: number;
}

/** Below the range from which systems take ports for outgoing connections and for port 0 (32768, or 49152). */
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;
const takenPorts = new Set<number>();

/**
 * Free ports for a service that is restarted: its clients know the ports, so they must stay free between two starts.
 * Ports of the system's own range would not: any other test can get one of them meanwhile.
 */
export async function freePorts(): Promise<Ports> {
  return { http: await freePort(), socket: await freePort() };
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (!takenPorts.has(port) && (await canListen(port))) {
      takenPorts.add(port);
      return port;
    }
  }
}

function canListen(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((settle) => {
    server.once('error', () => settle(false));
    server.listen(port, '127.0.0.1', () => server.close(() => settle(true)));
  });
}

export async function temporaryDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'samserver-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Starts `samserver db` as a process. @returns the process and the MONGODB_URL of its database */
export async function startDatabase(path: string): Promise<{ program: Program; url: string }> {
  const program = Program.start('cli.js', ['db', '--directory', path, '--port', '0'], {});
  const [, url = ''] = await program.waitForOutput(/MONGODB_URL=(\S+)/);
  return { program, url };
}

/**
 * Status of a GET on a connection of its own; null when no answer came within 5 s. For waits: `fetch` was seen to stay
 * without a result for ever when the peer closed its first connections, as Docker's proxy does before a container listens.
 */
export function statusOf(url: string): Promise<number | null> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 5_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? null);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(null));
    request.on('close', () => resolve(null));
  });
}

/** Starts the service as a process and waits until it is ready. */
export async function startProcess(
  ports: Ports,
  env: Record<string, string>,
  script = 'main.js',
): Promise<Program> {
  const program = Program.start(script, [], {
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: String(ports.http),
    SOCKET_SERVER_PORT: String(ports.socket),
    LOG_LEVEL: 'warn',
    ...env,
  });
  await until(async () => {
    if (program.child.exitCode !== null || program.child.signalCode !== null)
      throw new Error(`the service ended; the output:\n${program.output}`);
    const { host, port } = { host: env['HTTP_HOST'] ?? '127.0.0.1', port: ports.http };
    return (await statusOf(`http://${host}:${port}/health?boot=1`)) === 200;
  }, 'the service');
  return program;
}
