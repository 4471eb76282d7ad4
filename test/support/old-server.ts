import { afterAll } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePorts, type Ports } from './child-process.js';
import { startTestDatabase, type TestDatabase } from './test-database.js';

const SCRIPT = resolve(import.meta.dirname, '../old-server/serve.mjs');
const running = new Set<OldServer>();
/** Kills the processes of a test file at its end, also after a failed test. */
afterAll(() => Promise.all([...running].map((server) => server.stop())));

interface OldNotifications {
  readonly url: string;
  /** 60,000 in the real one. */
  readonly offlineAfterMs: number;
}

/** The old server as a child process with its own database. It is restarted whenever it ends, as PM2 does. */
export class OldServer {
  private child: ChildProcess | null = null;
  private isStopping = false;
  private ended: Promise<void> = Promise.resolve();
  private up: Promise<void> = Promise.resolve();
  output = '';
  restarts = 0;

  private constructor(
    readonly ports: Ports,
    readonly database: TestDatabase,
    /** The old server serves the files of `public` in this directory. */
    readonly directory: string,
    private readonly notifications: OldNotifications | undefined,
  ) {}

  /** Without `notifications` none is sent. */
  static async start(notifications?: OldNotifications): Promise<OldServer> {
    const directory = await mkdtemp(join(tmpdir(), 'old-server-'));
    await mkdir(join(directory, 'server'));
    const server = new OldServer(await freePorts(), await startTestDatabase(), directory, notifications);
    running.add(server);
    server.spawn();
    await server.whenUp();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.http}`;
  }

  get socketUrl(): string {
    return `http://127.0.0.1:${this.ports.socket}`;
  }

  get pictures(): string {
    return join(this.directory, 'public/uploads/ambulance_images');
  }

  whenUp(): Promise<void> {
    return this.up;
  }

  /** Sends a signal to the process; after its end it is started again. */
  signal(name: NodeJS.Signals): void {
    this.child?.kill(name);
  }

  async stop(): Promise<void> {
    if (this.isStopping) return;
    this.isStopping = true;
    this.child?.kill('SIGKILL');
    await this.ended;
    running.delete(this);
    await this.database.stop();
    await rm(this.directory, { recursive: true });
  }

  private spawn(): void {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [SCRIPT], {
      cwd: join(this.directory, 'server'),
      env: {
        PATH,
        HOME,
        OLD_HTTP_PORT: String(this.ports.http),
        OLD_SOCKET_PORT: String(this.ports.socket),
        OLD_MONGODB_URL: this.database.url,
        ...(this.notifications && {
          OLD_NOTIFICATION_URL: this.notifications.url,
          OLD_OFFLINE_AFTER_MS: String(this.notifications.offlineAfterMs),
        }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.up = new Promise((settle) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
        if (/is up/.test(chunk.toString())) settle();
      });
    });
    child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.ended = new Promise((settle) =>
      child.once('exit', () => {
        settle();
        if (this.isStopping) return;
        this.restarts += 1;
        this.spawn();
      }),
    );
  }
}
