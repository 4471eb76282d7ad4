import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { replaceDurably, syncDirectory } from '../../images/volume/index.js';
import { type BackupManifest, isSetName, manifestText, parseManifest } from './backup-manifest.js';

const MANIFEST = 'manifest.json';
const PROGRESS = 'progress.jsonl';
const RESULTS = 'results.json';

/** What later commands have found out about a set. */
export interface BackupResults {
  readonly verifiedAt?: string;
  readonly verifyFaults?: number;
  readonly rehearsedAt?: string;
  /** Null: the rehearsal was good. */
  readonly rehearsalFault?: string | null;
}

/** The files of one set. */
export class BackupSet {
  constructor(
    readonly name: string,
    readonly directory: string,
  ) {}

  path(file: string): string {
    return join(this.directory, file);
  }

  /** @throws CommandError when the set is not complete, or its manifest is damaged */
  async manifest(): Promise<BackupManifest> {
    const path = this.path(MANIFEST);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw ioError(path, error);
      throw new CommandError(
        `${this.directory} is not complete: samserver backup run continues it`,
        EXIT_CODES.UNAVAILABLE,
      );
    });
    return parseManifest(path, text);
  }

  isComplete(): Promise<boolean> {
    return exists(this.path(MANIFEST));
  }

  /** Completes the set. */
  async finish(manifest: BackupManifest): Promise<void> {
    await replaceDurably(this.path(MANIFEST), manifestText(manifest));
    await rm(this.path(PROGRESS), { force: true });
  }

  async results(): Promise<BackupResults> {
    const text = await readFile(this.path(RESULTS), 'utf8').catch(() => '{}');
    try {
      return JSON.parse(text) as BackupResults;
    } catch {
      return {};
    }
  }

  async addResults(results: BackupResults): Promise<void> {
    const all = { ...(await this.results()), ...results };
    await replaceDurably(this.path(RESULTS), `${JSON.stringify(all)}\n`);
  }

  /** Names of all files, without those that describe the set. */
  async partFiles(): Promise<string[]> {
    const names = await readdir(this.directory);
    return names.filter((name) => ![MANIFEST, PROGRESS, RESULTS].includes(name)).sort();
  }

  /** The lines of the run that was not completed. A line that a kill has cut does not count. */
  async progress(): Promise<readonly unknown[]> {
    const text = await readFile(this.path(PROGRESS), 'utf8').catch(() => '');
    return text
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as unknown];
        } catch {
          return [];
        }
      });
  }

  openProgress(): Promise<ProgressLog> {
    return ProgressLog.open(this.path(PROGRESS));
  }

  async size(file: string): Promise<number | null> {
    return stat(this.path(file)).then(
      ({ size }) => size,
      () => null,
    );
  }

  /** The file has its name when it is whole. @param write gets the path to write to, and flushes it */
  async writeFile(file: string, write: (path: string) => Promise<void>): Promise<void> {
    const temporary = this.path(`${file}.tmp`);
    await write(temporary);
    await rename(temporary, this.path(file));
    await syncDirectory(this.directory);
  }

  async remove(): Promise<void> {
    // Without its manifest it is not complete, whatever happens next.
    await rm(this.path(MANIFEST), { force: true });
    await rm(this.directory, { recursive: true });
  }
}

/** Lines that are on the disk when `append` returns. */
export class ProgressLog {
  private constructor(private readonly file: FileHandle) {}

  static async open(path: string): Promise<ProgressLog> {
    const text = await readFile(path, 'utf8').catch(() => '');
    const file = await open(path, 'a', 0o600);
    // A line that a kill has cut.
    await file.truncate(Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1)));
    return new ProgressLog(file);
  }

  async append(line: unknown): Promise<void> {
    await this.file.appendFile(`${JSON.stringify(line)}\n`);
    await this.file.datasync();
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

/** The sets in one directory, named by the time of their begin. */
export class BackupDirectory {
  constructor(readonly directory: string) {}

  /** The newest first; complete or not. @throws CommandError */
  async sets(): Promise<BackupSet[]> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw ioError(this.directory, error);
    });
    return names
      .filter(isSetName)
      .sort()
      .reverse()
      .map((name) => this.set(name));
  }

  set(name: string): BackupSet {
    return new BackupSet(name, join(this.directory, name));
  }

  /** @param name absent: the newest complete one @throws CommandError */
  async find(name?: string): Promise<BackupSet> {
    for (const set of await this.sets())
      if (name === undefined ? await set.isComplete() : set.name === name) return set;
    throw new CommandError(
      name === undefined
        ? `${this.directory} has no complete backup: samserver backup run`
        : `${this.directory} has no set ${name}: samserver backup list`,
      EXIT_CODES.UNAVAILABLE,
    );
  }

  /** @throws CommandError */
  async create(name: string): Promise<BackupSet> {
    const set = this.set(name);
    await mkdir(set.directory, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      throw ioError(set.directory, error);
    });
    return set;
  }
}

export function ioError(path: string, error: NodeJS.ErrnoException): CommandError {
  const isForbidden = ['EACCES', 'EPERM', 'EROFS'].includes(error.code ?? '');
  return new CommandError(
    `${path}: ${error.message}`,
    isForbidden ? EXIT_CODES.NO_PERMISSION : EXIT_CODES.IO,
    { cause: error },
  );
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
