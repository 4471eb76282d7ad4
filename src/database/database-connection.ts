import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { SETTINGS, type Settings } from '../config/index.js';
import { EventBus, failureFields, retry } from '../core/index.js';
import { connectOptions } from './connect-options.js';
import { DatabaseServer } from './database-server.js';
import { unreachableMembersHint } from './unreachable-members.js';
import { SchemaGate } from './migrations/schema-gate.service.js';
import { translateStorageError } from './storage-errors.js';

const RETRY_MS = 1_000;

/**
 * Progress of the start of the instance. `blocked`: this release does not support the schema; the instance reads the
 * schema again every second. `starting`: the startup tasks run.
 */
export type DatabasePhase = 'connecting' | 'migrating' | 'blocked' | 'starting' | 'started';

declare module '../core/events/event-bus.js' {
  interface EventMap {
    /** Published when the phase changes; the first phase, `connecting`, has no event. */
    'database.phase-changed': { readonly phase: DatabasePhase };
  }
}

interface StartupTask {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/**
 * Work that a feature needs done once, after the database answers and before the instance is ready, e.g. creating the
 * first admin. A task runs again after an outage during its run, so it must be idempotent.
 */
@Injectable()
export class StartupTasks {
  private readonly tasks: StartupTask[] = [];

  /** Call it from `onModuleInit`. Tasks run in the order of registration. */
  add(name: string, run: () => Promise<void>): void {
    this.tasks.push({ name, run });
  }

  list(): readonly StartupTask[] {
    return this.tasks;
  }
}

/**
 * Opens the connection, waits for a schema that this release supports, and runs the startup tasks, in the background
 * and without a time limit. An instance that waits for its database still answers `/health`: a restart would not end an
 * outage of the database.
 */
@Injectable()
export class DatabaseConnection
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly logger = new Logger(DatabaseConnection.name);
  private readonly stop = new AbortController();
  private startup: Promise<boolean> = Promise.resolve(false);
  private currentPhase: DatabasePhase = 'connecting';
  /** Tasks before the schema check. The heartbeat is one: a contract step must find this instance. */
  readonly beforeSchemaCheck = new StartupTasks();

  constructor(
    @InjectConnection() private readonly connection: Connection,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly server: DatabaseServer,
    private readonly gate: SchemaGate,
    private readonly tasks: StartupTasks,
    private readonly events: EventBus,
  ) {}

  get phase(): DatabasePhase {
    return this.currentPhase;
  }

  /** All startup tasks are done. */
  get hasStarted(): boolean {
    return this.currentPhase === 'started';
  }

  /** Not awaited by Nest on purpose: the ports open before the database answers. */
  onApplicationBootstrap(): void {
    this.startup = this.start();
  }

  /** Resolves to true when all startup tasks are done, and to false when the shutdown comes first. Never rejects. */
  whenStarted(): Promise<boolean> {
    return this.startup;
  }

  /** Runs in this hook and not in a later one: hooks of other providers may wait for `whenStarted`. */
  beforeApplicationShutdown(): void {
    this.stop.abort();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.startup;
    await this.connection.close();
    await this.server.stop();
  }

  private async start(): Promise<boolean> {
    const { signal } = this.stop;
    await this.runUntilDone('connect', async () => {
      const uri = await this.server.start();
      await this.connection.openUri(uri, connectOptions(this.settings));
    });
    for (const task of this.beforeSchemaCheck.list()) await this.runUntilDone(task.name, task.run);
    await this.gate.waitUntilFits(signal, (phase) => this.setPhase(phase));
    if (signal.aborted) return false;
    this.setPhase('starting');
    for (const task of this.tasks.list()) await this.runUntilDone(task.name, task.run);
    if (signal.aborted) return false;
    this.setPhase('started');
    return true;
  }

  private hintFor(error: unknown): { readonly hint?: string } {
    const hint = unreachableMembersHint(error, this.settings.mongo.url ?? '');
    return hint === null ? {} : { hint };
  }

  private setPhase(phase: DatabasePhase): void {
    if (phase === this.currentPhase) return;
    this.currentPhase = phase;
    this.events.publish('database.phase-changed', { phase });
  }

  private async runUntilDone(task: string, run: () => Promise<void>): Promise<void> {
    await retry(
      async () => {
        await run();
        return true;
      },
      {
        signal: this.stop.signal,
        pauseMs: RETRY_MS,
        onError: (error) =>
          this.logger.error(
            {
              ...failureFields(translateStorageError(error) ?? error),
              task,
              retryMs: RETRY_MS,
              ...this.hintFor(error),
            },
            'startup task failed; it will be repeated',
          ),
      },
    );
  }
}
