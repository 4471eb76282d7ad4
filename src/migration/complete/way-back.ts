import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import type { SavedEntry } from '../old-server/index.js';

/** What PM2 needs to have the old server again after `decommission`. The file holds its environment: mode 0600. */
export class WayBack {
  readonly path: string;

  /** @param directory that of the journal */
  constructor(directory: string) {
    this.path = join(directory, 'way-back.json');
  }

  /** Null: the old server was not decommissioned, or its way back was forgotten. @throws CommandError */
  async read(): Promise<readonly SavedEntry[] | null> {
    try {
      return JSON.parse(await readFile(this.path, 'utf8')) as SavedEntry[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      // The message of the parser quotes the text.
      throw new CommandError(`${this.path} cannot be read`, EXIT_CODES.IO);
    }
  }

  async write(entries: readonly SavedEntry[]): Promise<void> {
    await writeFile(this.path, JSON.stringify(entries), { mode: 0o600, flush: true });
  }

  async forget(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
