import { describe } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './child-process.js';
import { until } from './sockets.js';

const PROGRAM = process.env['REDIS_SERVER'] ?? 'redis-server';
const isInstalled = spawnSync(PROGRAM, ['--version']).status === 0;

/** A real Redis of the test, as the stack runs it: without persistence, `noeviction`. */
export class RedisServer {
  private child: ReturnType<typeof spawn> | null = null;
  private readonly directory = mkdtempSync(join(tmpdir(), 'samserver-redis-'));

  private constructor(
    readonly port: number,
    private readonly options: readonly string[],
  ) {}

  /** @param options more options of redis-server, as in `['--maxmemory', '10mb']` */
  static async start(options: readonly string[] = []): Promise<RedisServer> {
    const server = new RedisServer((await freePorts()).http, options);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts again after `kill`; the data is lost. */
  async start(): Promise<void> {
    const fixed = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.directory];
    const memory = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
    this.child = spawn(PROGRAM, [...fixed, ...memory, ...this.options], { stdio: 'ignore' });
    await until(() => isListening(this.port), 'Redis to listen');
  }

  /** Runs one command, as in `redis-cli`. @returns its output */
  command(...parts: readonly string[]): string {
    const { stdout, status } = spawnSync('redis-cli', ['-p', String(this.port), ...parts], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`redis-cli ${parts.join(' ')} failed: ${stdout}`);
    return stdout.trim();
  }

  /** SIGSTOP: connections stay open and get no answer. */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Tests that need redis-server: skipped where it is not installed, and failed there with CI=true. */
export function describeWithRedis(name: string, tests: () => void): void {
  if (isInstalled || process.env['CI'] === 'true') describe(name, tests);
  else describe.skip(`${name}: redis-server is not installed`, tests);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
