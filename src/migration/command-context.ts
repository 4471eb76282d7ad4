import {
  type DynamicModule,
  Global,
  type INestApplicationContext,
  type LoggerService,
  Module,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type Settings, SettingsModule } from '../config/index.js';
import { Clock, EventBus } from '../core/index.js';
import {
  CommandError,
  type CommandIo,
  EXIT_CODES,
  InterruptedError,
  UnavailableError,
} from '../core/commands/index.js';
import {
  CommandDatabase,
  CommandDatabaseModule,
  SchemaLockBusyError,
  SchemaMigrator,
  translateStorageError,
  unreachableMembersHint,
} from '../database/index.js';
import { loadCommandSettings } from './command-settings.js';

type FeatureModules = NonNullable<DynamicModule['imports']>;

@Global()
@Module({ providers: [Clock, EventBus], exports: [Clock, EventBus] })
class CommandCoreModule {}

/**
 * The application of one command: settings, core, database and the features that the command needs. It has no
 * background jobs, no heartbeat and no listener, because none of its modules provides them.
 */
@Module({})
class CommandModule {
  static with(settings: Settings, features: FeatureModules): DynamicModule {
    return {
      module: CommandModule,
      imports: [SettingsModule.with(settings), CommandCoreModule, CommandDatabaseModule, ...features],
    };
  }
}

/**
 * Runs `work` with a Nest application context whose database is open.
 * @param features the modules that the command needs
 * @throws CommandError with the exit code for each expected failure
 */
export async function withCommandContext<T>(
  io: CommandIo,
  features: FeatureModules,
  work: (context: INestApplicationContext, settings: Settings) => Promise<T>,
  settings = loadCommandSettings(io),
): Promise<T> {
  const logger = new CommandLogger(io);
  const context = await NestFactory.createApplicationContext(CommandModule.with(settings, features), {
    logger,
    abortOnError: false,
  });
  try {
    await context
      .get(CommandDatabase)
      .open()
      .catch((error: unknown) => {
        throw databaseUnreachable(error, settings);
      });
    return await work(context, settings);
  } catch (error) {
    throw toCommandError(error, io);
  } finally {
    await context.close();
  }
}

/**
 * With SCHEMA_ON_START=up, the default of the evaluation database, the command migrates the schema itself.
 * @throws UnavailableError when expand steps are pending and the operator runs them
 */
export async function requireCurrentSchema(
  context: INestApplicationContext,
  settings: Settings,
  signal: AbortSignal,
): Promise<void> {
  const migrations = context.get(SchemaMigrator);
  if (settings.schema.onStart === 'up') await migrations.up({ signal, retryFailed: false });
  else if ((await migrations.planUp()).run.length > 0)
    throw new UnavailableError('the schema of the database is behind: run samserver schema up');
}

function toCommandError(error: unknown, io: CommandIo): unknown {
  if (error instanceof CommandError) return error;
  if (io.signal.aborted)
    return new InterruptedError('interrupted: a step that was begun is pending and runs again next time');
  if (error instanceof SchemaLockBusyError)
    return new CommandError(error.message, EXIT_CODES.TEMPORARY_FAILURE, { cause: error });
  return translateStorageError(error) ? databaseUnreachable(error) : error;
}

function databaseUnreachable(error: unknown, settings?: Settings): UnavailableError {
  const reason = error instanceof Error ? error.message : String(error);
  const hint = unreachableMembersHint(error, settings?.mongo.url ?? '');
  const text = `the database is not reachable: ${reason}${hint === null ? '' : `. ${hint}`}`;
  return new UnavailableError(text, { cause: error });
}

/** Nest's own lines about the start of an application. */
const NEST_CONTEXTS: ReadonlySet<unknown> = new Set([
  'NestFactory',
  'InstanceLoader',
  'NestApplicationContext',
]);

/** Writes the log of a command on stderr as plain lines; stdout holds the result alone. */
class CommandLogger implements LoggerService {
  constructor(private readonly io: CommandIo) {}

  log(...args: unknown[]): void {
    if (!NEST_CONTEXTS.has(args.at(-1))) this.write(args);
  }
  warn(...args: unknown[]): void {
    this.write(args);
  }
  error(...args: unknown[]): void {
    this.write(args);
  }
  fatal(...args: unknown[]): void {
    this.write(args);
  }

  /** Calls are (message, context) or (fields, message, context). */
  private write(args: readonly unknown[]): void {
    const line = args.find((each) => typeof each === 'string');
    const { err } = (typeof args[0] === 'object' ? (args[0] ?? {}) : {}) as { readonly err?: unknown };
    this.io.stderr.write(`${line ?? ''}${err instanceof Error ? `: ${err.message}` : ''}\n`);
  }
}
