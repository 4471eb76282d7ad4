import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { describeWith } from './support/front-door.js';
import { Move } from './support/move.js';

const describeNginx = await describeWith({ nginx: ['/usr/sbin/nginx', '-v'] });

describeNginx('samserver shift', () => {
  let move: Move;
  beforeEach(async () => void (move = await Move.start()));
  afterEach(() => move?.close());

  it('goes through all phases and back under load, and no post fails', async () => {
    const load = move.load();
    const watching = await move.to('all');
    await move.whenState(({ phase }) => phase === 'soak', 'the soak', watching);
    const before = performance.now();
    const rollback = move.shift('rollback', '--json');
    expect(await rollback.exited).toMatchObject({ code: 0 });
    const backMs = performance.now() - before;
    expect(await watching.exited).toMatchObject({ code: 1 });
    const { failed, errors, sent, colors } = await load.stop();
    expect({ failed, errors }).toEqual({ failed: 0, errors: {} });
    expect(colors['green']).toBeGreaterThan(0);
    const state = await move.state();
    expect(state).toMatchObject({ phase: 'rolled-back', rollingBackBecause: null });
    console.info(
      JSON.stringify({ sent, colors, backMs: Math.round(backMs), output: watching.output.slice(-600) }),
    );
  });
});
