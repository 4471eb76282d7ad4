import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import type { Detail, MoveEvent, MoveRecord, StepPhase } from './move-events.js';
import { afterRecord, foldMove, type MoveState } from './move-state.js';

const JOURNAL = 'journal.jsonl';
/** Space on the disk that is given up when it is full, so that a rollback can still be recorded. */
const RESERVE = 'journal.reserve';
const RESERVE_BYTES = 64 * 1024;
const MAX_TEXT = 500;

/** Another command has taken the move over: this one must not act any more. */
export class MoveTakenOverError extends CommandError {
  constructor() {
    super('another command has taken the move over', EXIT_CODES.TEMPORARY_FAILURE);
  }
}

/**
 * The record of a move: one JSON object a line, on the disk before the action that it announces and again after it. The state of
 * the move is a fold of the lines (`foldMove`). One command writes at a time (`MoveLock`); a command that took over from a
 * suspended one makes the lines void that the suspended one still writes.
 */
export class MoveJournal {
  private current: MoveState;
  private last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly directory: string,
    private readonly file: FileHandle,
    private sizeBytes: number,
    records: readonly MoveRecord[],
    private readonly writer: string,
    private readonly by: string,
    private readonly nowMs: () => number,
  ) {
    this.current = foldMove(records);
  }

  /**
   * Opens the journal to write. The caller has the lock, or takes the move over.
   * @param by a person or a tool
   * @throws CommandError IO when a line is not readable or the file cannot be written
   */
  static async open(
    directory: string,
    { command, by }: { readonly command: string; readonly by: string },
    nowMs: () => number = Date.now,
  ): Promise<MoveJournal> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o755 });
      const path = join(directory, JOURNAL);
      const { records, sizeBytes } = await readJournal(path);
      const file = await open(path, 'a', 0o600);
      // A line that a kill or a full disk has cut.
      await file.truncate(sizeBytes);
      const journal = new MoveJournal(directory, file, sizeBytes, records, randomUUID(), by, nowMs);
      await journal.append({ kind: 'opened', command, pid: process.pid, user: userName(), host: hostname() });
      return journal;
    } catch (error) {
      throw journalError(directory, error);
    }
  }

  /** What is on the disk; nothing when there is no journal. @throws CommandError IO */
  static async read(directory: string): Promise<readonly MoveRecord[]> {
    try {
      return (await readJournal(join(directory, JOURNAL))).records;
    } catch (error) {
      throw journalError(directory, error);
    }
  }

  get state(): MoveState {
    return this.current;
  }

  /** Space for the records of a rollback. @throws CommandError IO when the disk has none */
  async reserve(): Promise<void> {
    try {
      await writeFile(join(this.directory, RESERVE), Buffer.alloc(RESERVE_BYTES, '.'), {
        mode: 0o600,
        flush: true,
      });
    } catch (error) {
      throw journalError(this.directory, error);
    }
  }

  /**
   * Durable when it returns.
   * @throws MoveTakenOverError; CommandError IO when the disk is full also without the reserve
   */
  append(event: MoveEvent): Promise<void> {
    const write = this.last.then(() => this.write(event));
    this.last = write.catch(() => undefined);
    return write;
  }

  /**
   * Records the begin and the end of an action. The action can be repeated without harm, because a kill in the middle leaves
   * open whether it has acted.
   * @throws what the action throws, after the record of it
   */
  async step(phase: StepPhase, step: string, act: () => Promise<Detail | void>): Promise<void> {
    await this.append({ kind: 'step.started', phase, step });
    const startMs = performance.now();
    const ms = (): number => Math.round(performance.now() - startMs);
    let detail: Detail | void;
    try {
      detail = await act();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      await this.append({ kind: 'step.failed', phase, step, ms: ms(), why: why.slice(0, MAX_TEXT) });
      throw error;
    }
    await this.append({ kind: 'step.done', phase, step, ms: ms(), detail: detail ?? {} });
  }

  /** @throws MoveTakenOverError */
  async assertOwner(): Promise<void> {
    if ((await this.file.stat()).size !== this.sizeBytes) throw new MoveTakenOverError();
  }

  async close(): Promise<void> {
    await this.last;
    await this.file.close();
  }

  private async write(event: MoveEvent): Promise<void> {
    await this.assertOwner();
    const { writer, by } = this;
    const record: MoveRecord = {
      ...{ seq: this.current.seq + 1, at: new Date(this.nowMs()).toISOString(), by, writer },
      ...event,
    };
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      await this.writeLine(line);
    } catch (error) {
      if (!isFull(error)) throw journalError(this.directory, error);
      await rm(join(this.directory, RESERVE), { force: true });
      await this.writeLine(line).catch((again: unknown) => {
        throw journalError(this.directory, again);
      });
    }
    this.sizeBytes += line.length;
    this.current = afterRecord(this.current, record);
  }

  private async writeLine(line: Buffer): Promise<void> {
    try {
      await this.file.appendFile(line);
      await this.file.datasync();
    } catch (error) {
      await this.file.truncate(this.sizeBytes);
      throw error;
    }
  }
}

/** @throws CommandError for a line that is not readable and not the last one */
async function readJournal(
  path: string,
): Promise<{ readonly records: readonly MoveRecord[]; readonly sizeBytes: number }> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n');
  // What follows the last line feed was not written to its end.
  const torn = lines.pop() ?? '';
  const records = lines.map((line, index): MoveRecord => {
    try {
      return JSON.parse(line) as MoveRecord;
    } catch {
      throw new CommandError(`${path}: line ${index + 1} is damaged`, EXIT_CODES.IO);
    }
  });
  return { records, sizeBytes: Buffer.byteLength(text) - Buffer.byteLength(torn) };
}

/** A user without an entry in the password file has a number only. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

const isFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');

function journalError(directory: string, error: unknown): unknown {
  if (error instanceof CommandError || !(error instanceof Error) || !('code' in error)) return error;
  const isForbidden = ['EACCES', 'EPERM', 'EROFS'].includes(String(error.code));
  return new CommandError(
    `${join(directory, JOURNAL)}: ${isForbidden ? 'no permission; run the same command as root' : error.message}`,
    isForbidden ? EXIT_CODES.NO_PERMISSION : EXIT_CODES.IO,
    { cause: error },
  );
}
