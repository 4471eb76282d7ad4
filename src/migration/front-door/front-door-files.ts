import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { MIRROR_SECRET_FILE } from './nginx-include.js';

/** The files of the front door. Only the include ends in `.conf`, so that `include <directory>/*.conf;` reads no other one. */
const NAMES = {
  /** What nginx reads. */
  include: 'front-door.conf',
  /** The include before the last change. */
  previous: 'front-door.previous',
  /** The include for an emergency, written beforehand: a full disk cannot prevent it. */
  blueOnly: 'front-door.blue-only',
  /** Exists while an `apply` is at work, and when it failed or was killed: nginx may use other files than those on the disk. */
  unverified: 'front-door.unverified',
  secret: MIRROR_SECRET_FILE,
  redirect: 'redirect.nft',
  /** While it exists the old server is stopped, so `rollback.sh` refuses. */
  blueStopped: 'old-server-stopped',
} as const;
export type FrontDoorFile = keyof typeof NAMES;

/** Reads and replaces whole files in one directory. Readers never see an incomplete one. */
export class FrontDoorFiles {
  constructor(readonly directory: string) {}

  path(file: FrontDoorFile): string {
    return join(this.directory, NAMES[file]);
  }

  /** @returns null when the file does not exist */
  async read(file: FrontDoorFile): Promise<string | null> {
    try {
      return await readFile(this.path(file), 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw fileError(this.path(file), error);
    }
  }

  /** Durable when it returns. @throws CommandError; the former content stays in force */
  async write(file: FrontDoorFile, text: string): Promise<void> {
    const temporary = `${this.path(file)}.new`;
    try {
      await mkdir(this.directory, { recursive: true, mode: 0o755 });
      await rm(temporary, { force: true });
      const handle = await open(temporary, 'wx', file === 'secret' ? 0o600 : 0o644);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, this.path(file));
      await this.syncDirectory();
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw fileError(this.path(file), error);
    }
  }

  /** Gives `to` the content of `from` without a new block on the disk. @throws CommandError */
  async copy(from: FrontDoorFile, to: FrontDoorFile): Promise<void> {
    const temporary = `${this.path(to)}.new`;
    try {
      await rm(temporary, { force: true });
      await link(this.path(from), temporary);
      await rename(temporary, this.path(to));
      // `rename` does nothing when both are the same file already.
      await rm(temporary, { force: true });
      await this.syncDirectory();
    } catch (error) {
      throw fileError(this.path(to), error);
    }
  }

  async remove(file: FrontDoorFile): Promise<void> {
    try {
      await rm(this.path(file), { force: true });
    } catch (error) {
      throw fileError(this.path(file), error);
    }
  }

  private async syncDirectory(): Promise<void> {
    const handle = await open(this.directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Maps an error of the file system to a message with the path and to an exit code. */
export function fileError(path: string, error: unknown): CommandError {
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new CommandError(
        `${path}: no permission to write it; run the same command as root`,
        EXIT_CODES.NO_PERMISSION,
        { cause: error },
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new CommandError(
        `${path}: the disk is full; nothing was changed, and nginx keeps its configuration`,
        EXIT_CODES.IO,
        { cause: error },
      );
    default:
      return new CommandError(
        `${path}: ${error instanceof Error ? error.message : String(error)}`,
        EXIT_CODES.IO,
        {
          cause: error,
        },
      );
  }
}
