import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import type { Program } from '../support/child-process.js';
import { until } from '../support/sockets.js';
import { startBadGreen } from './support/bad-green.js';
import { mustRun, run } from './support/engine.js';
import { describeWith } from './support/front-door.js';
import { Move } from './support/move.js';

const describeNginx = await describeWith({ nginx: ['/usr/sbin/nginx', '-v'] });

describeNginx('a move with a fault', () => {
  let move: Move;
  beforeAll(async () => void (move = await Move.start()));
  afterAll(() => move?.close());

  /** Runs the fault in phase half; the watching command must go back by itself. @returns seconds */
  async function undone(why: RegExp, cause: () => Promise<void>, cure: () => Promise<void>): Promise<number> {
    const watching = await move.toHalf();
    const load = move.load(10);
    await until(async () => (await move.colorOfPosts()) === 'green', 'green posts');
    const startMs = performance.now();
    await cause();
    await move.whenState(({ phase }) => phase === 'rolled-back', 'the rollback', watching);
    const seconds = (performance.now() - startMs) / 1_000;
    expect(await move.colorOfPosts()).toBe('blue');
    expect(watching.output).toMatch(why);
    expect(await watching.exited).toMatchObject({ code: 1 });
    await load.stop();
    await cure();
    console.info(`${String(why)}: all posts back after ${seconds.toFixed(1)} s`);
    return seconds;
  }

  const withBadGreen = async (fault: Parameters<typeof startBadGreen>[1], why: RegExp): Promise<void> => {
    let stop: () => Promise<void> = () => Promise.resolve();
    await undone(
      why,
      async () => {
        await move.green.kill();
        stop = await startBadGreen(move.greenPorts, fault);
      },
      async () => {
        await stop();
        await move.restartGreen();
      },
    );
  };

  it('goes back when green answers 500', () =>
    withBadGreen({ postStatus: 500 }, /posts without a good answer/));

  it('goes back when the tee stalls', () =>
    withBadGreen(
      { tee: { state: 'stalled', oldestMs: 15_400 } },
      /tee\.stalled: a post has waited for 15 s/,
    ));

  it('goes back when green hangs', () =>
    undone(
      /green has not answered|without a good answer/,
      async () => void move.green.child.kill('SIGSTOP'),
      async () => void move.green.child.kill('SIGCONT'),
    ));

  it('goes back when green was killed', () =>
    undone(
      /green has not answered|without a good answer/,
      async () => void (await move.green.kill()),
      () => move.restartGreen(),
    ));

  it('holds, and keeps the last ready color, when blue does not answer', async () => {
    const watching = await move.toHalf();
    move.old.signal('SIGSTOP');
    const { phase } = await move.whenState(({ heldBecause }) => heldBecause !== null, 'the hold', watching);
    expect(phase).toBe('half');
    const refused = await ended(move.shift('rollback'));
    expect(refused.code).toBe(1);
    expect(await move.colorOfPosts()).toBe('green');
    move.old.signal('SIGCONT');
    await until(async () => (await ended(move.shift('rollback'))).code === 0, 'the rollback');
    await watching.exited;
  });

  it('ends a command that is suspended: it must not act when it continues', async () => {
    const watching = await move.toHalf();
    watching.child.kill('SIGSTOP');
    const second = await ended(move.quick('to', 'all'));
    expect(second.code).toBe(75);
    expect(second.output).toContain(`process ${watching.child.pid}`);
    expect(await ended(move.shift('rollback'))).toMatchObject({ code: 0 });
    expect(await move.colorOfPosts()).toBe('blue');
    expect(await watching.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(await move.state()).toMatchObject({ phase: 'rolled-back' });
  });

  it('goes back with rollback.sh, and holds a move that it has not done itself', async () => {
    const watching = await move.toHalf();
    const { nginx } = move;
    const path = `${nginx.directory}/bin:${process.env['PATH'] ?? ''}`;
    const { code, output } = await run('sh', [`${nginx.frontDoor}/rollback.sh`], { env: { PATH: path } });
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('all to blue') });
    await until(async () => (await move.colorOfPosts()) === 'blue', 'blue');
    await move.whenState(({ heldBecause }) => heldBecause !== null, 'the hold', watching);
    await watching.kill();
    const status = await ended(move.shift('status'));
    expect(status.code).toBe(1);
    expect(status.output).toContain('phase half has share half, the include has none');
    expect(await ended(move.shift('rollback'))).toMatchObject({ code: 0 });
  });

  it('says so when nginx refuses its configuration, and ends the rollback when it accepts it', async () => {
    const watching = await move.toHalf();
    await watching.kill();
    await writeFile(`${move.nginx.directory}/broken`, '');
    // `nft` does nothing in this test; front-door-redirect.spec.ts has the bypass.
    const failed = await ended(move.shift('rollback'));
    expect(failed.code).toBe(1);
    expect(failed.output).toMatch(/nginx: FAILED[^]*NOT rolled back/);
    await move.nginx.unbreak();
    const { rollingBackBecause } = await move.state();
    expect(rollingBackBecause).not.toBeNull();
    expect(await ended(move.shift('rollback'))).toMatchObject({ code: 0 });
  });

  it('goes back on a full disk, and records it', async () => {
    if (process.getuid?.() !== 0) {
      console.warn('SKIPPED: only root can mount a small disk');
      return;
    }
    const directory = move.nginx.frontDoor;
    const state = `${move.nginx.directory}/state`;
    await mustRun('mkdir', ['-p', state]);
    await mustRun('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', state]);
    try {
      const watching = move.quick('start', '--state', state);
      const journal = (): Promise<{ output: string }> => run('cat', [`${state}/journal.jsonl`]);
      await until(async () => (await journal()).output.includes('"phase.entered"'), 'the shadow');
      await watching.kill();
      await run('dd', ['if=/dev/zero', `of=${state}/filler`, 'bs=4k']);
      const rollback = await ended(move.shift('rollback', '--state', state));
      expect(rollback).toMatchObject({ code: 0 });
      expect(await mustRun('tail', ['-n', '1', `${state}/journal.jsonl`])).toContain('rollback.done');
      expect(await mustRun('ls', [directory])).toContain('front-door.conf');
    } finally {
      await mustRun('umount', [state]);
    }
  });
});

async function ended(program: Program): Promise<{ code: number | null; output: string }> {
  const { code } = await program.exited;
  return { code, output: program.output };
}
