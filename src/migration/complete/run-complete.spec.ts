import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PLAN } from '../front-door/front-door-plan.js';
import type { OldProcess } from '../preflight/old/pm2-processes.js';
import { MoveJournal } from '../shift/move-journal.js';
import { type CompleteContext, type CompleteStep, notedBefore, NOTE_STEP } from './complete-context.js';
import { completeMove } from './complete-move.js';
import { assertStaysStopped } from './complete-steps.js';
import { assertSoaked } from './decommission.js';
import { changedCollections } from './old-writes.repository.js';
import { completePlan, runComplete, undoComplete } from './run-complete.js';
import { greenOnly } from './take-ports.js';

let directory: string;
let journal: MoveJournal;
let acts: string[];
let context: CompleteContext;
let stop: AbortController;
/** What the servers are like, by step. */
let world: Set<string>;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'complete-'));
  journal = await MoveJournal.open(directory, { command: 'complete', by: 'a' });
  await journal.append({ kind: 'move.started', move: 'm', why: 'go', detail: {} });
  [acts, world, stop] = [[], new Set(), new AbortController()];
  context = { say: () => undefined, io: { signal: stop.signal } } as unknown as CompleteContext;
});
afterEach(async () => {
  await journal.close();
  await rm(directory, { recursive: true });
});

const step = (name: string, fault: string | null = null): CompleteStep => ({
  name,
  text: `text of ${name}`,
  undoText: `undo of ${name}`,
  isDone: async () => world.has(name),
  run: async () => {
    acts.push(name);
    if (fault !== null) throw new Error(fault);
    world.add(name);
    return {};
  },
  undo: async () => {
    acts.push(`undo ${name}`);
    world.delete(name);
    return {};
  },
});

describe('runComplete', () => {
  it('stops at the step that fails, names both ways, and continues there', async () => {
    const failing = runComplete(journal, context, [step('a'), step('b', 'no answer'), step('c')]);
    await expect(failing).rejects.toThrow(
      /^complete\/b: no answer\non: run the same command again.*\nback to the old server: samserver shift rollback$/,
    );
    await runComplete(journal, context, [step('a'), step('b'), step('c')]);
    expect(acts).toEqual(['a', 'b', 'b', 'c']);
  });

  it('looks at the servers and not at its journal: what a reboot has undone is done again', async () => {
    await runComplete(journal, context, [step('a'), step('b')]);
    world.delete('a');
    await runComplete(journal, context, [step('a'), step('b')]);
    expect(acts).toEqual(['a', 'b', 'a']);
  });

  it('ends after the present step when a rollback of another terminal is asked for', async () => {
    const asked: CompleteStep = {
      ...step('a'),
      run: async () => {
        stop.abort();
        acts.push('a');
        world.add('a');
        return {};
      },
    };
    await expect(runComplete(journal, context, [asked, step('b')])).rejects.toThrow(/complete ends before b/);
    expect(acts).toEqual(['a']);
    expect(journal.state).toMatchObject({ openStep: null, stepsDone: ['complete/a'] });
  });

  it('does not take a step as done because it ran', async () => {
    const idle = { ...step('a'), run: () => Promise.resolve({}) };
    await expect(runComplete(journal, context, [idle])).rejects.toThrow(
      /complete\/a: it ran, and it is not done/,
    );
    expect(journal.state.failedStep).toMatchObject({ phase: 'complete', step: 'a' });
  });

  it('undoes all steps in reverse order, also those that never ran, and can be repeated', async () => {
    const { undo: _, ...withoutUndo } = step('b');
    const steps = [step('a'), withoutUndo, step('c')];
    await undoComplete(journal, context, steps);
    await undoComplete(journal, context, steps);
    expect(acts).toEqual(['undo c', 'undo a', 'undo c', 'undo a']);
  });
});

describe('completeMove', () => {
  it('changes nothing while a gate is not open', async () => {
    for (const phase of ['shadow', 'one', 'half', 'all', 'soak'] as const)
      await journal.append({ kind: 'phase.entered', phase, why: 'test' });
    const entering = completeMove(journal, context, async () => ['pictures: never verified']);
    await expect(entering).rejects.toThrow(/nothing was changed:\npictures: never verified/);
    expect(journal.state.phase).toBe('soak');
  });
});

describe('the plan of complete', () => {
  it('saves the list of PM2 before the role changes and takes the ports last; the way back begins with them', () => {
    const names = completePlan().map((line) => line.split(/[ :]/)[1]);
    expect(names).toEqual([
      'do,',
      ...['note', 'stop-old-server', 'prove-silence', 'give-role', 'panels', 'take-ports'],
      'way',
      ...['take-ports', 'give-role', 'stop-old-server'],
    ]);
  });

  it('leaves nginx alone on the old ports, without a redirect and without the old server', () => {
    const before = { ...DEFAULT_PLAN, share: 'all', isMirrorOn: true, isRedirectOn: true } as const;
    expect(greenOnly(before)).toEqual({
      ...before,
      blue: null,
      isMirrorOn: false,
      listensOnOldPorts: true,
      isRedirectOn: false,
    });
  });
});

describe('what was noted', () => {
  it('is the last note of this move', async () => {
    expect(notedBefore(await MoveJournal.read(directory))).toBeNull();
    for (const panels of [1, 2])
      await journal.step('complete', NOTE_STEP, async () => ({
        plan: DEFAULT_PLAN,
        script: '/a.js',
        panels,
      }));
    expect(notedBefore(await MoveJournal.read(directory))).toEqual({
      plan: DEFAULT_PLAN,
      script: '/a.js',
      panels: 2,
    });
    await journal.append({ kind: 'move.started', move: 'm2', why: 'again', detail: {} });
    expect(notedBefore(await MoveJournal.read(directory))).toBeNull();
  });
});

describe('assertStaysStopped', () => {
  const old = { cronRestart: null, isWatched: false } as OldProcess;
  it.each<[string, Partial<OldProcess>, RegExp | null]>([
    ['nothing', {}, null],
    ['a pattern that was removed', { cronRestart: '0' }, null],
    ['a cron pattern', { cronRestart: '0 4 * * *' }, /restarts it at "0 4 \* \* \*".*--cron-restart 0/],
    ['a watcher', { isWatched: true }, /when a file changes/],
  ])('%s', (_, more, fault) => {
    const check = (): void => assertStaysStopped([{ ...old, ...more }], 'tracking');
    if (fault === null) expect(check).not.toThrow();
    else expect(check).toThrow(fault);
  });
});

describe('assertSoaked', () => {
  const atMs = Date.parse('2026-12-01T00:00:00Z');
  const state = { ...{ phase: 'done' as const, phaseSince: '2026-11-30T00:00:00Z' } };
  it('wants the move to be done, and the time to have passed', async () => {
    const move = { ...journal.state, ...state };
    expect(() => assertSoaked(move, 24, atMs)).not.toThrow();
    expect(() => assertSoaked(move, 25, atMs)).toThrow(/wait another 1\.0 h/);
    expect(() => assertSoaked({ ...move, phase: 'soak' }, 0, atMs)).toThrow(
      /phase soak: samserver shift complete/,
    );
    expect(() => assertSoaked({ ...move, phase: null }, 0, atMs)).toThrow(/phase none/);
  });
});

describe('changedCollections', () => {
  it('names what was written', () =>
    expect(changedCollections({ a: '1', b: '' }, { a: '1', b: '2' })).toEqual(['b']));
});
