import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { readSmallFile, UnreadableInputError } from '../preflight/bounded-input.js';

const MAX_BYTES = 16_000_000;

/** An entry as PM2 wrote it. It has the environment of its process, so it is secret. */
export type SavedEntry = Readonly<Record<string, unknown>>;

/**
 * The processes that PM2 starts with the machine: `dump.pm2`, and `dump.pm2.bak` when that one is damaged. An entry whose status
 * is `stopped` is listed and not started. Only the entries of one name are changed, because `pm2 save` would also save what runs
 * of other applications at this moment, and an empty list when its daemon has just been started (docs/adr/0030).
 */
export class SavedList {
  private readonly paths: readonly string[];

  constructor(home: string) {
    this.paths = ['dump.pm2', 'dump.pm2.bak'].map((name) => join(home, name));
  }

  /** The text of the list; null when there is none. @throws CommandError */
  text(): Promise<string | null> {
    return textOf(this.paths[0] ?? '');
  }

  /** The names in the list. @throws CommandError */
  async names(): Promise<readonly string[]> {
    return (await entriesOf(this.paths[0] ?? '')).map((entry) => String(entry['name']));
  }

  /** The start of the machine does not start a process with this name, from neither of the two files. @throws CommandError */
  async isStopped(name: string): Promise<boolean> {
    const lists = await Promise.all(this.paths.map(entriesOf));
    return lists.flat().every((entry) => entry['name'] !== name || entry['status'] === 'stopped');
  }

  /** Durable when it returns. A name that is not in the list stays out of it. @throws CommandError */
  setStatus(name: string, status: 'stopped' | 'online'): Promise<void> {
    return this.change((entries) =>
      entries.map((entry) => (entry['name'] === name ? { ...entry, status } : entry)),
    );
  }

  /** @throws CommandError */
  remove(name: string): Promise<void> {
    return this.change((entries) => entries.filter((entry) => entry['name'] !== name));
  }

  /** Adds processes as stopped, in place of those with the same names. @throws CommandError */
  add(added: readonly SavedEntry[]): Promise<void> {
    const names = new Set(added.map((entry) => entry['name']));
    return this.change((entries) => [
      ...entries.filter((entry) => !names.has(entry['name'])),
      ...added.map((entry) => ({ ...entry, status: 'stopped' })),
    ]);
  }

  /** The backup first: what PM2 would fall back to is right at each moment. */
  private async change(to: (entries: readonly SavedEntry[]) => readonly SavedEntry[]): Promise<void> {
    for (const path of [...this.paths].reverse()) {
      const before = await entriesOf(path);
      const after = to(before);
      if (JSON.stringify(after) !== JSON.stringify(before))
        await replace(path, JSON.stringify(after, null, 2));
    }
  }
}

async function textOf(path: string): Promise<string | null> {
  try {
    return (await readSmallFile(path, MAX_BYTES)).text;
  } catch (error) {
    if (!(error instanceof UnreadableInputError)) throw error;
    if (error.message.endsWith('(ENOENT)')) return null;
    throw new CommandError(error.message, EXIT_CODES.IO, { cause: error });
  }
}

async function entriesOf(path: string): Promise<readonly SavedEntry[]> {
  const text = await textOf(path);
  if (text === null) return [];
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((each) => typeof each === 'object' && each !== null))
      return list as SavedEntry[];
  } catch {
    // The message of the parser quotes the text.
  }
  throw new CommandError(
    `${path} is no JSON array of processes: run pm2 save once, then this command again`,
    EXIT_CODES.IO,
  );
}

/** Keeps owner and mode. Readers see the former file or the new one. @throws CommandError */
async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  try {
    const [home, former] = [await stat(dirname(path)), await stat(path).catch(() => null)];
    await rm(temporary, { force: true });
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.chmod((former?.mode ?? 0o600) & 0o777);
      if (process.getuid?.() === 0) await file.chown(former?.uid ?? home.uid, former?.gid ?? home.gid);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    const directory = await open(dirname(path), 'r');
    await directory.sync().finally(() => directory.close());
  } catch (error) {
    throw new CommandError(`${path}: ${(error as Error).message}`, EXIT_CODES.IO, { cause: error });
  }
}
