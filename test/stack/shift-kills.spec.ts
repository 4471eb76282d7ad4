import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { MoveState } from '../../src/migration/shift/move-state.js';
import type { Program } from '../support/child-process.js';
import { until } from '../support/sockets.js';
import { describeWith } from './support/front-door.js';
import { Move } from './support/move.js';

const describeNginx = await describeWith({ nginx: ['/usr/sbin/nginx', '-v'] });

/** States of a command in which it is killed. nginx is slow, so that the middle of a step can be met. */
const STATES: Readonly<
  Record<
    string,
    {
      readonly command: (move: Move) => Program;
      readonly is: (state: MoveState) => boolean;
      readonly next: string;
    }
  >
> = {
  'waiting for gates': {
    command: (move) => move.running('to', 'all'),
    is: ({ target, waitsFor }) => target?.phase === 'all' && waitsFor.length > 0,
    next: 'all',
  },
  'in the middle of a step': {
    command: (move) => move.quick('to', 'all'),
    is: ({ openStep }) => openStep?.step === 'share',
    next: 'all',
  },
  'between two steps': {
    command: (move) => move.quick('to', 'all'),
    is: ({ stepsDone }) => stepsDone.includes('all/share'),
    next: 'all',
  },
  watching: {
    command: (move) => move.quick('resume'),
    is: ({ owner }) => owner?.command === 'resume',
    next: 'half',
  },
  'in a rollback': {
    command: (move) => move.shift('rollback'),
    is: ({ openStep }) => openStep?.step === 'http',
    next: 'rolled-back',
  },
};

describeNginx('kill -9 of samserver shift', () => {
  let move: Move;
  beforeAll(async () => void (move = await Move.start()));
  afterAll(() => move?.close());

  const killedIn = async (name: string): Promise<void> => {
    const { command, is } = STATES[name] as (typeof STATES)[string];
    const watching = await move.toHalf();
    await watching.kill();
    await move.nginx.slowDown(true);
    const program = command(move);
    await move.whenState(is, name, program);
    await program.kill();
    await move.nginx.slowDown(false);
  };
  /** What nginx does is what the journal says. */
  const expectShare = async (share: string): Promise<void> => {
    await until(
      async () => (await move.nginx.command('status')).output.includes(`share ${share}, mirror`),
      share,
    );
  };
  const back = async (): Promise<void> => {
    const rollback = move.shift('rollback');
    expect({ ...(await rollback.exited), output: rollback.output }).toMatchObject({ code: 0 });
    expect(await move.state()).toMatchObject({
      phase: 'rolled-back',
      rollingBackBecause: null,
      openStep: null,
    });
    await expectShare('none');
    expect(await move.colorOfPosts()).toBe('blue');
  };

  it.each(Object.keys(STATES))('%s: `rollback` goes back', async (name) => {
    await killedIn(name);
    await back();
  });

  it.each(Object.keys(STATES))('%s: `resume` continues', async (name) => {
    const { next } = STATES[name] as (typeof STATES)[string];
    await killedIn(name);
    const resumed = move.quick('resume');
    await move.whenState(
      ({ phase, openStep }) => phase === next && openStep === null,
      `phase ${next}`,
      resumed,
    );
    if (next === 'rolled-back') {
      expect(await resumed.exited).toMatchObject({ code: 0 });
      return expectShare('none');
    }
    await expectShare(next);
    await resumed.kill();
    return back();
  });
});
