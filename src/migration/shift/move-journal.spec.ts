import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MoveJournal, MoveTakenOverError } from './move-journal.js';
import { acquireMoveLock } from './move-lock.js';
import { leaveRequest, prepareRequests, readRequest } from './move-requests.js';
import { foldMove } from './move-state.js';
import { type MoveStep, runSteps } from './move-steps.js';

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'shift-'))));
afterEach(() => rm(directory, { recursive: true }));

const open = (command = 'to half'): Promise<MoveJournal> =>
  MoveJournal.open(directory, { command, by: 'night shift' });
const started = async (): Promise<MoveJournal> => {
  const journal = await open('start');
  await journal.append({ kind: 'move.started', move: 'm', why: 'go', detail: {} });
  await journal.append({ kind: 'phase.entered', phase: 'shadow', why: 'go' });
  return journal;
};
const stateOnDisk = async (): Promise<ReturnType<typeof foldMove>> =>
  foldMove(await MoveJournal.read(directory));

describe('MoveJournal', () => {
  it('has the state of the move on the disk after each line', async () => {
    expect(await stateOnDisk()).toMatchObject({ move: null, phase: null, seq: 0 });
    const journal = await started();
    let during: Awaited<ReturnType<typeof stateOnDisk>> | undefined;
    await journal.step('one', 'share', async () => {
      during = await stateOnDisk();
      return { ms: 4 };
    });
    expect(during).toMatchObject({
      phase: 'shadow',
      openStep: { phase: 'one', step: 'share' },
      stepsDone: [],
    });
    expect(await stateOnDisk()).toEqual(journal.state);
    expect(journal.state).toMatchObject({
      ...{ openStep: null, stepsDone: ['one/share'], seq: 5 },
      owner: { command: 'start', by: 'night shift', pid: process.pid },
    });
    await journal.close();
  });

  it('records a step that fails, and throws its error', async () => {
    const journal = await started();
    const failing = journal.step('one', 'share', () => Promise.reject(new Error('nginx refuses')));
    await expect(failing).rejects.toThrow('nginx refuses');
    expect(await stateOnDisk()).toMatchObject({
      ...{ phase: 'shadow', openStep: null, stepsDone: [] },
      failedStep: { phase: 'one', step: 'share', why: 'nginx refuses' },
    });
    await journal.close();
  });

  it('drops a last line that was not written to its end, and refuses a damaged one before', async () => {
    const journal = await started();
    await journal.close();
    const path = join(directory, 'journal.jsonl');
    const whole = await readFile(path, 'utf8');
    await appendFile(path, '{"seq":4,"kind":"held"');
    expect(await stateOnDisk()).toMatchObject({ phase: 'shadow', heldBecause: null });
    const next = await open();
    await next.append({ kind: 'held', why: 'operator' });
    await next.close();
    expect(await stateOnDisk()).toMatchObject({ phase: 'shadow', heldBecause: 'operator', seq: 5 });
    await writeFile(path, whole.replace('"phase":"shadow"', '"phase'));
    await expect(open()).rejects.toThrow('line 3 is damaged');
  });

  it('stops a command whose move was taken over, and voids what it still writes', async () => {
    const suspended = await started();
    const other = await open('rollback');
    await expect(suspended.step('one', 'share', () => Promise.resolve())).rejects.toThrow(MoveTakenOverError);
    await other.append({ kind: 'rollback.started', why: 'errors' });
    // A write that the suspension has divided from its check.
    const line = { ...(await MoveJournal.read(directory))[2], seq: 9, kind: 'phase.entered', phase: 'one' };
    await appendFile(join(directory, 'journal.jsonl'), `${JSON.stringify(line)}\n`);
    expect(await stateOnDisk()).toMatchObject({ phase: 'shadow', rollingBackBecause: 'errors' });
    await Promise.all([suspended.close(), other.close()]);
  });
});

describe('the state of a move', () => {
  it('keeps the steps of a rollback that was killed, and ends every hold with it', async () => {
    const journal = await started();
    await journal.step('complete', 'drain', () => Promise.resolve());
    await journal.append({ kind: 'held', why: 'both colors' });
    await journal.append({ kind: 'rollback.started', why: 'first' });
    await journal.step('rollback', 'http', () => Promise.resolve());
    await journal.append({ kind: 'rollback.started', why: 'second' });
    expect(journal.state).toMatchObject({ stepsDone: ['rollback/http'], rollingBackBecause: 'first' });
    await journal.append({ kind: 'rollback.done', ms: 9, detail: {} });
    expect(journal.state).toMatchObject({
      ...{ phase: 'rolled-back', heldBecause: null, rollingBackBecause: null, stepsDone: [] },
    });
    await journal.append({ kind: 'move.started', move: 'm2', why: 'again', detail: {} });
    expect(journal.state).toMatchObject({ move: 'm2', phase: null });
    await journal.close();
  });
});

describe('runSteps', () => {
  const runs: string[] = [];
  const step = (name: string, isGood = true): MoveStep<null> => ({
    ...{ name, text: `text of ${name}` },
    run: () => {
      runs.push(name);
      return isGood ? Promise.resolve() : Promise.reject(new Error(`${name} failed`));
    },
  });

  it('continues after the last step that was done', async () => {
    const journal = await started();
    const lines: string[] = [];
    const say = (line: string): void => void lines.push(line);
    const failing = [step('a'), step('b', false), step('c')];
    await expect(runSteps(journal, 'complete', failing, null, say)).rejects.toThrow('b failed');
    await journal.close();
    const next = await open('complete');
    await runSteps(next, 'complete', [step('a'), step('b'), step('c')], null, say);
    expect(runs).toEqual(['a', 'b', 'b', 'c']);
    expect(lines[0]).toBe('complete: text of a');
    await next.close();
  });
});

describe('the lock and the request of another terminal', () => {
  it('gives the lock to one owner at a time', async () => {
    const lock = await acquireMoveLock(directory);
    expect(await acquireMoveLock(directory)).toBeNull();
    const elsewhere = await acquireMoveLock(`${directory}/other`);
    expect(elsewhere).not.toBeNull();
    await lock?.release();
    const again = await acquireMoveLock(directory);
    expect(again).not.toBeNull();
    await Promise.all([again?.release(), elsewhere?.release()]);
  });

  it('leaves a request in a file that keeps its size', async () => {
    expect(await readRequest(directory)).toBeNull();
    await prepareRequests(directory);
    expect(await readRequest(directory)).toBeNull();
    const size = (await readFile(join(directory, 'request'))).length;
    const left = await leaveRequest(directory, { kind: 'hold', by: 'ä'.repeat(100), why: 'ö'.repeat(200) });
    await leaveRequest(directory, { kind: 'rollback', by: 'a', why: 'b' });
    expect(await readRequest(directory)).toMatchObject({ kind: 'rollback', by: 'a', why: 'b' });
    expect(left.id).not.toBe((await readRequest(directory))?.id);
    expect((await readFile(join(directory, 'request'))).length).toBe(size);
  });
});
