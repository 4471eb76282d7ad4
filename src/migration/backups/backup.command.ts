import type { Command } from 'commander';
import {
  type CommandIo,
  type CommandResult,
  type DefineCommand,
  EXIT_CODES,
  exitCodesHelp,
  numberArgument,
  printResult,
} from '../../core/commands/index.js';
import { withCommandContext } from '../command-context.js';
import { withRunLock } from '../images/run-lock.js';
import { type BackupManifest, bytesOf, documentsOf } from './backup-manifest.js';
import { BackupsModule } from './backups.module.js';
import { BackupsService, type BackupWork } from './backups.service.js';

interface CommonOptions {
  readonly json: boolean;
}

/** `samserver backup run|list|verify|restore|rehearse|prune` */
export const backupCommand: DefineCommand = (command, io, setExitCode) => {
  const define = (name: string, description: string): Command =>
    command.command(name).description(description).option('--json', 'print one JSON object on stdout', false);
  const act = async (
    { json }: CommonOptions,
    work: (backups: BackupsService, work: BackupWork) => Promise<CommandResult>,
  ): Promise<void> => setExitCode(printResult(io, json, await withBackups(io, work)));
  command
    .description(
      'Makes backups of the database in BACKUP_DIR and restores them. A run that was stopped or killed continues where it was ' +
        'when it runs again. docs/backups.md describes it.',
    )
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'done',
        FAILURE: 'a backup is damaged, or the restore is refused or not equal',
        USAGE: 'wrong usage, or a setting is missing',
        UNAVAILABLE: 'the database is not reachable, or there is no such backup',
        IO: 'the disk is full, or a file cannot be read or written',
        TEMPORARY_FAILURE: 'another command or the service works in the directory',
        CONFIG: 'wrong settings',
        NO_PERMISSION: 'the directory cannot be written',
        INTERRUPTED: 'interrupted',
      }),
    );

  define('run', 'Makes a backup, or continues the last one that was not completed.')
    .option(
      '--old <collection>',
      'a collection of the old server that belongs to it, repeatable',
      collect,
      [],
    )
    .option(
      '--pause <factor>',
      'pause after each read, as a multiple of its time',
      numberArgument(0, 100, false),
      1,
    )
    .action((options: CommonOptions & { readonly old: readonly string[]; readonly pause: number }) =>
      act(options, async (backups, work) =>
        locked(io, backups, async () =>
          madeResult('made', await backups.run(options.old, options.pause, work)),
        ),
      ),
    );

  define('list', 'Shows the backups, the newest first.').action((options: CommonOptions) =>
    act(options, (backups) => list(backups)),
  );

  define('verify', 'Compares every file of a backup with its manifest, and reads its documents.')
    .argument('[set]', 'name of the backup (default: the newest complete one)')
    .action((name: string | undefined, options: CommonOptions) =>
      act(options, async (backups, { signal }) => {
        const { set, faults } = await backups.verify(name, signal);
        return {
          exitCode: faults.length === 0 ? EXIT_CODES.OK : EXIT_CODES.FAILURE,
          lines: [...faults, `${set.name}: ${faults.length === 0 ? 'no fault' : `${faults.length} faults`}`],
          json: { set: set.name, faults },
        };
      }),
    );

  define(
    'restore',
    'Writes a backup into the database of MONGODB_URL, which must be empty, and compares both.',
  )
    .argument('[set]', 'name of the backup (default: the newest complete one)')
    .option('--replace <database>', 'the name of the database, which is deleted first')
    .action((name: string | undefined, options: CommonOptions & { readonly replace?: string }) =>
      act(options, async (backups, work) =>
        madeResult('restored', await backups.restore(name, options.replace ?? null, work)),
      ),
    );

  define(
    'rehearse',
    'Restores a backup into a scratch database of the same server, compares, and deletes it.',
  )
    .argument('[set]', 'name of the backup (default: the newest complete one)')
    .action((name: string | undefined, options: CommonOptions) =>
      act(options, async (backups, work) => madeResult('rehearsed', await backups.rehearse(name, work))),
    );

  define('prune', 'Deletes old backups. The newest complete one always stays.')
    .option('--keep <number>', 'complete backups that stay (default: BACKUP_KEEP)', numberArgument(1, 10_000))
    .option('--dry-run', 'print what would be deleted', false)
    .action((options: CommonOptions & { readonly keep?: number; readonly dryRun: boolean }) =>
      act(options, (backups) => locked(io, backups, () => prune(backups, options.keep, options.dryRun))),
    );
};

const collect = (text: string, list: readonly string[]): readonly string[] => [...list, text];

function withBackups(
  io: CommandIo,
  work: (backups: BackupsService, work: BackupWork) => Promise<CommandResult>,
): Promise<CommandResult> {
  const onProgress = (collection: string, documents: number): void =>
    void io.stderr.write(`${collection}: ${documents} documents\n`);
  return withCommandContext(io, [BackupsModule], (context) =>
    work(context.get(BackupsService), { signal: io.signal, onProgress }),
  );
}

function locked<T>(io: CommandIo, backups: BackupsService, work: () => Promise<T>): Promise<T> {
  const onUnprotected = (reason: string): void =>
    void io.stderr.write(`the directory cannot be locked (${reason}): run one command at a time\n`);
  return withRunLock(backups.directory.directory, onUnprotected, work);
}

function madeResult(what: string, manifest: BackupManifest): CommandResult {
  const { set, isEncrypted, collections, pictures } = manifest;
  const [documents, bytes] = [documentsOf(manifest), bytesOf(manifest)];
  return {
    exitCode: EXIT_CODES.OK,
    lines: [
      `${what} ${set}: ${documents} documents of ${collections.length} collections, ${(bytes / 1e6).toFixed(1)} MB${isEncrypted ? ', encrypted' : ''}`,
      ...(pictures === null ? [] : [`with the pictures of ${pictures.directory} (${pictures.files} files)`]),
    ],
    json: { result: what, set, documents, bytes, isEncrypted, pictures },
  };
}

async function list(backups: BackupsService): Promise<CommandResult> {
  const sets = await Promise.all(
    (await backups.directory.sets()).map(async (set) => {
      const results = await set.results();
      if (!(await set.isComplete())) return { set: set.name, state: 'incomplete' as const, ...results };
      const manifest = await set.manifest().catch((error: Error) => error);
      if (manifest instanceof Error) return { set: set.name, state: 'damaged' as const, ...results };
      const { madeAt, isEncrypted, schemaVersion, release } = manifest;
      const [documents, bytes] = [documentsOf(manifest), bytesOf(manifest)];
      return {
        ...{
          set: set.name,
          state: 'complete' as const,
          madeAt,
          documents,
          bytes,
          isEncrypted,
          schemaVersion,
          release,
        },
        ...results,
      };
    }),
  );
  const lines = sets.map((each) =>
    each.state === 'complete'
      ? `${each.set}  ${each.documents} documents, ${(each.bytes / 1e6).toFixed(1)} MB, schema ${each.schemaVersion}` +
        `${each.isEncrypted ? ', encrypted' : ''}, verified ${each.verifiedAt ?? 'never'}, rehearsed ${each.rehearsedAt ?? 'never'}`
      : `${each.set}  ${each.state}`,
  );
  return { exitCode: EXIT_CODES.OK, lines: sets.length === 0 ? ['no backup'] : lines, json: { sets } };
}

async function prune(
  backups: BackupsService,
  keep: number | undefined,
  isDryRun: boolean,
): Promise<CommandResult> {
  const sets = await backups.prunable(keep ?? backups.keep);
  if (!isDryRun) for (const set of sets) await backups.remove(set);
  const names = sets.map(({ name }) => name);
  const verb = isDryRun ? 'would delete' : 'deleted';
  return {
    exitCode: EXIT_CODES.OK,
    lines: names.length === 0 ? ['nothing to delete'] : names.map((name) => `${verb} ${name}`),
    json: { isDryRun, deleted: names },
  };
}
