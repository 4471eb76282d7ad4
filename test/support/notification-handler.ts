import { afterAll } from '@jest/globals';
import { resolve } from 'node:path';
import { freePorts, Program } from './child-process.js';

const SCRIPT = resolve(import.meta.dirname, '../old-readers/notification-handler.mjs');
const running = new Set<NotificationHandler>();
/** Kills the processes of a test file at its end, also after a failed test. */
afterAll(() => Promise.all([...running].map((handler) => handler.stop())));

/** The notification handler of the operators' API as a process. It is started again whenever it ends, as its container is. */
export class NotificationHandler {
  /** How often the process has ended by itself. */
  deaths = 0;
  /** `<type> <box code>` of each push, in order. */
  readonly pushes: string[] = [];
  private program: Program | null = null;
  private isStopping = false;

  private constructor(private readonly port: number) {}

  /** Without a process: a sender can have the address before there is a database. */
  static async onFreePort(): Promise<NotificationHandler> {
    return new NotificationHandler((await freePorts()).http);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/api/notification/postAmbulanceSpeedNotification`;
  }

  /** Resolves when it listens. @param databaseUrl the shared database */
  async start(databaseUrl: string): Promise<void> {
    running.add(this);
    const program = Program.run(process.execPath, [SCRIPT], {
      HANDLER_PORT: String(this.port),
      HANDLER_MONGODB_URL: databaseUrl,
    });
    this.program = program;
    program.child.stdout?.on('data', (chunk: Buffer) => {
      for (const [, push = ''] of chunk.toString().matchAll(/^push (.*)$/gm)) this.pushes.push(push);
    });
    void program.exited.then(() => {
      if (this.isStopping) return;
      this.deaths += 1;
      this.start(databaseUrl).catch(() => undefined);
    });
    await program.waitForOutput(/is up/);
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    running.delete(this);
    await this.program?.kill('SIGKILL');
  }
}
