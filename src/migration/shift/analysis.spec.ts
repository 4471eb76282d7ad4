import { describe, expect, it } from '@jest/globals';
import { type ColorFigures, decide, type Observation, type Verdict } from './analysis.js';

const color: ColorFigures = {
  ...{ posts: 1_000, synthetic: 24, errors: 0, errorSeconds: 0, slow: 0, slowSeconds: 0 },
  ...{ p50Ms: 3, p99Ms: 20, frames: 900 },
};
const good: Observation = {
  ...{ blue: color, green: color, hasPanels: true, windowMs: 60_000, observedMs: 60_000, isBlueUp: true },
  ...{ greenSilences: 0, blueSilences: 0 },
  ready: { state: 'ready', reasons: [] },
  notReadyMs: 0,
  tee: { state: 'passing', oldestMs: 4 },
  counted: { expected: 400, missing: 0 },
  ...{ lastGapMs: null, isShareInForce: true },
};
const failing = { ...color, errors: 40, errorSeconds: 3 };
const slow = { ...color, slow: 40, slowSeconds: 3, p99Ms: 900 };
const notReady = (reasons: readonly string[]): Partial<Observation> => ({
  ready: { state: 'not_ready', reasons },
  notReadyMs: 15_000,
});

describe('decide', () => {
  it.each<[string, Partial<Observation>, Verdict, RegExp]>([
    ['both good', {}, 'good', /both colors are good/],
    ['errors of green', { green: failing }, 'rollback', /40 of 1000 posts/],
    ['errors of blue alone', { blue: failing }, 'good', /./],
    ['errors of both', { blue: failing, green: failing }, 'hold', /both colors: green: 40/],
    [
      'far more errors of green',
      { blue: { ...failing, errors: 25 }, green: { ...failing, errors: 400 } },
      'rollback',
      /400/,
    ],
    ['errors of green in one stall', { green: { ...failing, errorSeconds: 2 } }, 'good', /./],
    ['four errors', { green: { ...failing, posts: 30, errors: 4 } }, 'good', /./],
    [
      'five errors of 24 probes',
      { green: { ...failing, posts: 24, synthetic: 24, errors: 5 } },
      'rollback',
      /5 of 24/,
    ],
    ['five errors of 1,000', { green: { ...failing, errors: 5 } }, 'good', /./],
    ['slow green', { green: slow }, 'rollback', /p99 900 ms/],
    ['slow green in one stall', { green: { ...slow, slowSeconds: 2 } }, 'good', /./],
    ['both slow', { green: slow, blue: slow }, 'hold', /p99 900 ms/],
    ['two slow posts of 24', { green: { ...slow, posts: 24, slow: 2 } }, 'good', /./],
    ['silent green', { greenSilences: 3, ready: null }, 'rollback', /3 probes in a row/],
    [
      'both silent: the machine stands still',
      { greenSilences: 4, blueSilences: 3, ready: null },
      'hold',
      /both colors: green has not answered 4 probes/,
    ],
    ['green silent once', { greenSilences: 1, ready: null }, 'wait', /does not answer \/ready/],
    [
      'silent green, blue down',
      { greenSilences: 3, isBlueUp: false },
      'hold',
      /blue does not answer; green has/,
    ],
    ['errors of green, blue down', { green: failing, isBlueUp: false }, 'hold', /blue does not answer/],
    ['blocked green', notReady(['schema.too_new']), 'rollback', /schema.too_new/],
    [
      'green not ready for a moment',
      { ...notReady(['schema.too_new']), notReadyMs: 14_000 },
      'wait',
      /schema/,
    ],
    ['the database down', notReady(['mongo.down']), 'hold', /both colors: green is not_ready: mongo.down/],
    ['the database down, green loses', { ...notReady(['mongo.down']), green: failing }, 'rollback', /40 of/],
    ['a stalled tee', { tee: { state: 'stalled', oldestMs: 15_100 } }, 'rollback', /tee.stalled: .* 15 s/],
    [
      'a stalled tee, blue down',
      { tee: { state: 'stalled', oldestMs: 9e4 }, isBlueUp: false },
      'hold',
      /blue/,
    ],
    ['posts that green has not', { counted: { expected: 400, missing: 6 } }, 'rollback', /6 of 400/],
    ['posts on their way', { counted: { expected: 400, missing: 5 } }, 'good', /./],
    ['no frames of green', { green: { ...color, frames: 0 } }, 'rollback', /0 frames for a panel, blue: 900/],
    [
      'no panel on green',
      { green: { ...color, frames: null } },
      'wait',
      /a test panel of each color is not there yet/,
    ],
    [
      'no panels, as the operator wants it',
      { hasPanels: false, blue: { ...color, frames: null }, green: { ...color, frames: null } },
      'good',
      /./,
    ],
    ['few posts', { green: { ...color, posts: 19 } }, 'wait', /green: 19 posts and probes, 20 are needed/],
    ['a short time', { observedMs: 59_000 }, 'wait', /59 of 60 s/],
    ['no tee', { tee: null }, 'wait', /the tee does not answer/],
    [
      'a reason that degrades',
      { ready: { state: 'degraded', reasons: ['tls.expiring'] } },
      'wait',
      /tls.expiring/,
    ],
    [
      'another picture volume',
      { ready: { state: 'degraded', reasons: ['volume.foreign'] } },
      'rollback',
      /picture volume: volume.foreign/,
    ],
    ['another share in force', { isShareInForce: false, green: failing }, 'hold', /another command/],
  ])('%s', (_, change, verdict, why) => {
    const decision = decide({ ...good, ...change }, true);
    expect(decision).toEqual({ verdict, why: expect.stringMatching(why) });
    // In the shadow nothing goes back, because no client depends on green.
    const shadow = decide({ ...good, ...change }, false);
    expect(shadow.verdict).toBe(verdict === 'rollback' ? 'wait' : verdict);
  });
});
