import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { CommandError, EXIT_CODES, UsageError } from '../../core/commands/index.js';
import { DatabaseTime, DeploymentIdService } from '../../database/index.js';
import { ManifestFiles } from '../images/manifest-files.js';
import { type BackupCodec, keyFileCodec, PLAIN_CODEC } from './backup-codec.js';
import { BackupDirectory, type BackupSet } from './backup-directory.js';
import { type BackupManifest, bytesOf, documentsOf, setNameOf } from './backup-manifest.js';
import { BackupRecordsRepository } from './backup-records.repository.js';
import { BackupDatabases } from './collections.repository.js';
import { dumpDatabase, isContinuable } from './dump-database.js';
import { restoreSet } from './restore-set.js';
import { verifySet } from './verify-set.js';

export interface BackupWork {
  readonly signal: AbortSignal;
  readonly onProgress: (collection: string, documents: number) => void;
}

/** Makes and uses backups of the database in `BACKUP_DIR`. */
@Injectable()
export class BackupsService {
  constructor(
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'backups' | 'release'>,
    private readonly databases: BackupDatabases,
    private readonly deploymentId: DeploymentIdService,
    private readonly time: DatabaseTime,
    private readonly records: BackupRecordsRepository,
  ) {}

  /** @throws UsageError without `BACKUP_DIR` */
  get directory(): BackupDirectory {
    const { directory } = this.settings.backups;
    if (directory === null)
      throw new UsageError('BACKUP_DIR: is needed; it names the directory of the backups');
    return new BackupDirectory(directory);
  }

  /** Complete sets that are kept. */
  get keep(): number {
    return this.settings.backups.keep;
  }

  /**
   * Makes a set, or continues the newest one that was not completed. The caller is the only one that works in the directory.
   * @param old names of collections of the old server
   * @param pauseFactor pause after each read, as a multiple of its time
   */
  async run(old: readonly string[], pauseFactor: number, work: BackupWork): Promise<BackupManifest> {
    const codec = await this.codec();
    const { imagesDirectory } = this.settings.backups;
    const { version: release } = this.settings.release;
    const set = await this.setToWrite(codec, release);
    const header = {
      database: this.databases.name,
      deploymentId: await this.deploymentId.find(),
      schemaVersion: await this.databases.schemaVersion(),
      release,
      pictures: imagesDirectory === null ? null : await picturesOf(imagesDirectory),
    };
    const manifest = await dumpDatabase(set, this.databases.own, header, {
      ...{ ...work, codec, old, pauseFactor },
      now: () => this.time.read(),
    });
    await this.record(set, manifest);
    return manifest;
  }

  /** @param name absent: the newest complete set @returns a line for each fault */
  async verify(name: string | undefined, signal: AbortSignal): Promise<{ set: BackupSet; faults: string[] }> {
    const set = await this.directory.find(name);
    const manifest = await set.manifest();
    const codec = await this.codecOf(manifest);
    const faults = await verifySet(set, manifest, codec.canDecode ? codec : null, signal);
    await set.addResults({ verifiedAt: new Date().toISOString(), verifyFaults: faults.length });
    await this.record(set, manifest);
    return { set, faults };
  }

  /** Restores into the database of `MONGODB_URL`. @param replace its name, when it may be deleted first */
  async restore(name: string | undefined, replace: string | null, work: BackupWork): Promise<BackupManifest> {
    const set = await this.directory.find(name);
    const manifest = await set.manifest();
    const codec = await this.decodingCodec(manifest);
    await restoreSet(set, manifest, this.databases.own, { ...work, codec, replace });
    return manifest;
  }

  /**
   * Restores into a scratch database of the same server, compares, and deletes it again. One that a kill has left is deleted
   * first.
   * @throws CommandError with the reason, which is recorded
   */
  async rehearse(name: string | undefined, work: BackupWork): Promise<BackupManifest> {
    const set = await this.directory.find(name);
    const manifest = await set.manifest();
    const codec = await this.decodingCodec(manifest);
    const target = this.databases.scratch;
    let fault: string | null = null;
    try {
      await target.drop();
      await restoreSet(set, manifest, target, { ...work, codec, replace: target.database.databaseName });
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      await target.drop().catch(() => undefined);
      if (!work.signal.aborted) {
        await set.addResults({ rehearsedAt: new Date().toISOString(), rehearsalFault: fault });
        await this.record(set, manifest);
      }
    }
    return manifest;
  }

  /**
   * The sets beyond the newest complete ones, and incomplete ones that are older than the newest complete one.
   * @param keep at least 1
   */
  async prunable(keep: number): Promise<BackupSet[]> {
    let complete = 0;
    const found: BackupSet[] = [];
    for (const set of await this.directory.sets()) {
      if (await set.isComplete()) complete += 1;
      else if (complete === 0) continue;
      if (complete > keep || !(await set.isComplete())) found.push(set);
    }
    return found;
  }

  async remove(set: BackupSet): Promise<void> {
    await set.remove();
    await this.records.remove(set.name);
  }

  private async setToWrite(codec: BackupCodec, release: string): Promise<BackupSet> {
    const [newest] = await this.directory.sets();
    if (newest && !(await newest.isComplete()) && (await isContinuable(newest, codec.isEncrypted, release)))
      return newest;
    const name = setNameOf((await this.time.read()).getTime());
    if (newest?.name === name)
      throw new CommandError('a set was begun in this second', EXIT_CODES.TEMPORARY_FAILURE);
    return this.directory.create(name);
  }

  private async codec(): Promise<BackupCodec> {
    const { keyFile } = this.settings.backups;
    return keyFile === null ? PLAIN_CODEC : keyFileCodec(keyFile);
  }

  private async codecOf({ isEncrypted, set }: BackupManifest): Promise<BackupCodec> {
    if (!isEncrypted) return PLAIN_CODEC;
    const codec = await this.codec();
    if (!codec.isEncrypted) throw new UsageError(`${set} is encrypted: BACKUP_AGE_PATH is needed`);
    return codec;
  }

  private async decodingCodec(manifest: BackupManifest): Promise<BackupCodec> {
    const codec = await this.codecOf(manifest);
    if (!codec.canDecode)
      throw new UsageError(
        `BACKUP_AGE_PATH has no identity (AGE-SECRET-KEY-1…): ${manifest.set} cannot be read`,
      );
    return codec;
  }

  private async record(set: BackupSet, manifest: BackupManifest): Promise<void> {
    const { verifiedAt, verifyFaults = null, rehearsedAt, rehearsalFault = null } = await set.results();
    await this.records.save({
      set: set.name,
      madeAt: new Date(manifest.madeAt),
      bytes: bytesOf(manifest),
      documents: documentsOf(manifest),
      verifiedAt: verifiedAt === undefined ? null : new Date(verifiedAt),
      verifyFaults,
      rehearsedAt: rehearsedAt === undefined ? null : new Date(rehearsedAt),
      rehearsalFault: rehearsalFault?.slice(0, 500) ?? null,
    });
  }
}

/** @throws CommandError without a finished backup of pictures */
async function picturesOf(directory: string): Promise<BackupManifest['pictures']> {
  const summary = await new ManifestFiles(directory).summary().catch(() => null);
  if (summary === null)
    throw new CommandError(
      `BACKUP_IMAGES_DIR: ${directory} holds no finished backup: samserver images backup`,
      EXIT_CODES.UNAVAILABLE,
    );
  const { rootSha256, files, madeAt } = summary;
  return { directory, rootSha256, files, madeAt };
}
