import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, type CommandIo, type CommandResult, EXIT_CODES } from '../../core/commands/index.js';
import { MoveJournal } from './move-journal.js';
import { acquireMoveLock, killLockOwner, type MoveLock } from './move-lock.js';
import type { MoveRecord } from './move-events.js';
import { leaveRequest, type MoveRequest, REACTION_LIMIT_MS } from './move-requests.js';
import { foldMove, type MoveState } from './move-state.js';

const PAUSE_MS = 100;
/** A rollback that another command has taken. */
const RESULT_LIMIT_MS = 60_000;

/** @param since the records after the request was taken */
export type OutcomeOf = (state: MoveState, since: readonly MoveRecord[]) => 'done' | 'refused' | null;

export interface SessionOptions {
  readonly io: CommandIo;
  readonly stateDirectory: string;
  readonly command: string;
  readonly by: string;
  readonly why: string;
}

/** Runs `work` with the lock and the journal. @throws CommandError TEMPORARY_FAILURE that names the command that has the lock */
export async function withMove<T>(
  options: SessionOptions,
  work: (journal: MoveJournal) => Promise<T>,
): Promise<T> {
  const lock = await lockOrYield(options);
  try {
    const journal = await MoveJournal.open(options.stateDirectory, options);
    try {
      return await work(journal);
    } finally {
      await journal.close();
    }
  } finally {
    await lock.release();
  }
}

/** The lock; a command that only watches gives it up. */
async function lockOrYield(options: SessionOptions): Promise<MoveLock> {
  const { stateDirectory, by, why } = options;
  const lock = await acquireMoveLock(stateDirectory);
  if (lock !== null) return lock;
  const request = await leaveRequest(stateDirectory, { kind: 'yield', by, why }).catch(() => null);
  let endMs = performance.now() + REACTION_LIMIT_MS;
  while (request !== null && performance.now() < endMs) {
    await sleep(PAUSE_MS);
    const own = await acquireMoveLock(stateDirectory);
    if (own !== null) return own;
    // It ends after its present look at both servers.
    if (await isTaken(stateDirectory, request)) endMs += PAUSE_MS;
  }
  const { owner } = foldMove(await MoveJournal.read(stateDirectory));
  throw new CommandError(
    `\`samserver shift ${owner?.command ?? ''}\` of ${owner?.by ?? 'another user'} is at work (process ${owner?.pid ?? 'unknown'}, since ${owner?.at ?? 'an unknown time'}); ` +
      'hold and rollback work all the same',
    EXIT_CODES.TEMPORARY_FAILURE,
  );
}

async function isTaken(stateDirectory: string, { id }: MoveRequest): Promise<boolean> {
  const records = await MoveJournal.read(stateDirectory);
  return records.some((record) => record.kind === 'request.taken' && record.request === id);
}

/**
 * For `hold` and `rollback`: the command that runs acts. Without one, or when it does not react within 2 s, this one does.
 * @param outcomeOf of the other command, after it has taken the request; null: it is not done yet
 * @param act gets null when the journal cannot be read or written
 * @param assertAllowed before another command is asked or overruled; its error ends this one
 */
export async function askOrAct(
  options: SessionOptions,
  kind: 'hold' | 'rollback',
  outcomeOf: OutcomeOf,
  act: (journal: MoveJournal | null) => Promise<CommandResult>,
  assertAllowed: (state: MoveState) => void = () => undefined,
): Promise<CommandResult> {
  const { stateDirectory, by, why } = options;
  assertAllowed(foldMove(await MoveJournal.read(stateDirectory).catch(() => [])));
  let lock = await acquireMoveLock(stateDirectory);
  if (lock === null) {
    const request = await leaveRequest(stateDirectory, { kind, by, why }).catch(() => null);
    const asked = request === null ? null : await follow(stateDirectory, request, outcomeOf);
    if (asked !== null) return asked;
    lock = await acquireMoveLock(stateDirectory);
    if (lock === null && kind === 'rollback') lock = await lockOfSuspended(options);
  }
  try {
    const journal = await MoveJournal.open(stateDirectory, options).catch((error: unknown) => {
      if (kind === 'hold') throw error;
      options.io.stderr.write(`the journal is not usable: ${(error as Error).message}\n`);
      return null;
    });
    try {
      return await act(journal);
    } finally {
      await journal?.close();
    }
  } finally {
    await lock?.release();
  }
}

/** Null: the owner cannot be ended. Then the journal makes void what it still writes. */
async function lockOfSuspended({ io, stateDirectory }: SessionOptions): Promise<MoveLock | null> {
  const { owner } = foldMove(await MoveJournal.read(stateDirectory).catch(() => []));
  if (owner === null || !(await killLockOwner(stateDirectory, owner.pid))) return null;
  io.stderr.write(`\`samserver shift ${owner.command}\` did not react: process ${owner.pid} was ended\n`);
  const endMs = performance.now() + REACTION_LIMIT_MS;
  let lock = await acquireMoveLock(stateDirectory);
  while (lock === null && performance.now() < endMs) {
    await sleep(PAUSE_MS);
    lock = await acquireMoveLock(stateDirectory);
  }
  return lock;
}

/** @returns null when the other command has not taken the request in time, or has ended before it was done */
async function follow(
  stateDirectory: string,
  { id, kind }: MoveRequest,
  outcomeOf: OutcomeOf,
): Promise<CommandResult | null> {
  const startMs = performance.now();
  for (;;) {
    await sleep(PAUSE_MS);
    const records = await MoveJournal.read(stateDirectory).catch(() => []);
    const taken = records.findIndex((record) => record.kind === 'request.taken' && record.request === id);
    const passedMs = performance.now() - startMs;
    const outcome = taken < 0 ? null : outcomeOf(foldMove(records), records.slice(taken));
    if (outcome !== null) {
      const text = `${outcome}, by the command that runs, after ${Math.round(passedMs)} ms`;
      const exitCode = outcome === 'refused' ? EXIT_CODES.FAILURE : EXIT_CODES.OK;
      return { exitCode, lines: [`${kind}: ${text}`], json: { kind, result: outcome } };
    }
    if (passedMs > (taken < 0 ? REACTION_LIMIT_MS : RESULT_LIMIT_MS)) return null;
    const lock = await acquireMoveLock(stateDirectory);
    if (lock === null) continue;
    await lock.release();
    // The other command has ended; its last line can be younger than the records above.
    const last = await MoveJournal.read(stateDirectory).catch(() => []);
    if (outcomeOf(foldMove(last), last.slice(records.length)) === null) return null;
  }
}
