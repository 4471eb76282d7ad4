import { describe, expect, it } from '@jest/globals';
import type { Observation } from './analysis.js';
import type { GateInput } from './gate.js';
import { closedGates, GATES, gatesTo } from './gates.js';
import type { MovePhase } from './move-phases.js';
import type { GreenReady, GreenRoles } from './green-client.js';
import { resultOf } from './compare-gate.js';
import { recordedDecision } from './complete-gates.js';

const hourAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();
const ready: GreenReady = {
  ...{ status: 'ready', state: 'ready', reasons: [] },
  release: { version: '1.2.3', revision: null, startedAt: hourAgo(1) },
  schema: { current: 4, supported: { min: 3, max: 5 } },
  volume: { manifest: { verifiedAt: hourAgo(2), mismatched: 0 } },
  tls: { daysLeft: null },
};
const observation = {
  isBlueUp: true,
  lastGapMs: null,
  tee: { state: 'passing', oldestMs: 12 },
} as unknown as Observation;

function input(change: Partial<GateInput> = {}, role: GreenRoles['role'] | null = 'old'): GateInput {
  return {
    ...{
      phase: 'half',
      ready,
      observation,
      readyInARow: 10,
      observedS: 600,
      lookedS: 600,
      heldBecause: null,
    },
    decision: { verdict: 'good', why: '' },
    settings: { maxVerificationAgeH: 168, maxBackupAgeH: 24, observeS: 600, withoutGapS: 600 },
    green: { roles: () => Promise.resolve(role === null ? null : { role, epoch: 1 }) },
    compare: { check: () => Promise.resolve({ state: 'ok', seen: '' }) },
    ...change,
  } as unknown as GateInput;
}
/** Files of this machine have a test of their own. */
const FILES = ['image-backup', 'database-dump', 'certificate'];
const closed = async (given: GateInput, phase: MovePhase = 'half'): Promise<readonly string[]> =>
  (await closedGates(gatesTo(phase, null, FILES), given)).map(
    ({ name, state, why }) => `${name} ${state}: ${why}`,
  );

describe('the gates of a phase', () => {
  it('are open when all is well', async () => expect(await closed(input())).toEqual([]));

  it.each<[string, GateInput, RegExp]>([
    ['held', input({ heldBecause: 'operator' }), /^held fail: operator/],
    ['blue', input({ observation: { ...observation, isBlueUp: false } }), /^blue wait/],
    ['ready', input({ readyInARow: 9 }), /^ready wait: green: ready; 9 of 10/],
    [
      'no answer',
      input({ readyInARow: 0, ready: { ...ready, state: 'degraded', reasons: ['redis.down'] } }),
      /redis.down/,
    ],
    [
      'schema',
      input({ ready: { ...ready, schema: { current: 6, supported: { min: 3, max: 5 } } } }),
      /^schema fail: schema 6/,
    ],
    ['no schema', input({ ready: { ...ready, schema: null } }), /^schema wait/],
    ['roles', input({}, 'samserver'), /^roles fail: Samserver has the role/],
    ['unknown role', input({}, null), /^roles wait/],
    [
      'tee lag',
      input({ observation: { ...observation, tee: { state: 'passing', oldestMs: 2_000 } } }),
      /^tee wait: .* 2000 ms/,
    ],
    [
      'tee off',
      input({ observation: { ...observation, tee: { state: 'off', oldestMs: 0 } } }),
      /^tee fail: LEGACY_TEE_URL/,
    ],
    ['no pictures', input({ ready: { ...ready, volume: null } }), /^pictures fail: .* never verified/],
    [
      'wrong pictures',
      input({ ready: { ...ready, volume: { manifest: { verifiedAt: hourAgo(1), mismatched: 2 } } } }),
      /^pictures fail: 2 pictures differ/,
    ],
    [
      'old verification',
      input({ ready: { ...ready, volume: { manifest: { verifiedAt: hourAgo(169), mismatched: 0 } } } }),
      /^pictures fail: .* 169.0 h ago, at most 168 h/,
    ],
    [
      'certificate',
      input({ ready: { ...ready, tls: { daysLeft: 13 } } }),
      /^green-certificate fail: 13 days/,
    ],
    ['analysis', input({ decision: { verdict: 'wait', why: 'few posts' } }), /^observation wait: few posts/],
    ['short observation', input({ observedS: 599.9 }), /^observation wait: observed for 599 of 600/],
    [
      'a gap',
      input({ observation: { ...observation, lastGapMs: 4_000 } }),
      /^gaps wait: no gap for 4 of 600/,
    ],
    ['looked for gaps too shortly', input({ lookedS: 30 }), /^gaps wait: no gap for 30 of 600/],
    [
      'compare',
      input({ compare: { check: () => Promise.resolve({ state: 'fail', why: '3 × position missing' }) } }),
      /^compare fail: 3 × position missing/,
    ],
  ])('%s', async (_, given, expected) => {
    const lines = await closed(given);
    expect(lines).toEqual([expect.stringMatching(expected)]);
  });

  it('compare only when all others are open', async () => {
    let count = 0;
    const compare: GateInput['compare'] = {
      check: () => {
        count += 1;
        return Promise.resolve({ state: 'ok', seen: '' });
      },
    };
    await closed(input({ compare, readyInARow: 0 }));
    expect(count).toBe(0);
    await closed(input({ compare }));
    expect(count).toBe(1);
  });

  it('of the start need no observation, and can be skipped by name', async () => {
    const none = { decision: { verdict: 'wait', why: '' }, observedS: 0, lookedS: 0 } as const;
    expect(await closed(input(none), 'shadow')).toEqual([]);
    expect(
      gatesTo(
        'half',
        'one',
        GATES.map(({ name }) => name),
      ),
    ).toEqual([]);
  });

  it.each<[MovePhase, MovePhase, readonly string[]]>([
    ['half', 'all', ['blue']],
    ['one', 'half', ['blue']],
    ['half', 'soak', ['blue']],
    ['soak', 'all', ['held', 'observation']],
  ])('to %s from %s', (to, from, names) => {
    expect(gatesTo(to, from, []).map(({ name }) => name)).toEqual(names);
  });
});

describe('the result of a comparison', () => {
  const report = { counts: [], problems: [], matched: { position: 40 } } as unknown as Parameters<
    typeof resultOf
  >[0];
  it('refuses findings, and waits for something to compare', () => {
    expect(resultOf(report)).toEqual({ state: 'ok', seen: 'equal: 40 × position' });
    expect(resultOf({ ...report, problems: ['nothing to compare'] })).toMatchObject({ state: 'wait' });
    const counts = [{ kind: 'position', type: 'missing', side: 'samserver', count: 3 }] as const;
    expect(resultOf({ ...report, counts })).toMatchObject({
      ...{ state: 'fail', why: expect.stringContaining('3 × position missing in samserver') },
    });
  });
});

describe('recordedDecision', () => {
  const nowMs = Date.parse('2026-12-01T10:00:00Z');
  const decision = (verdict: string, at: string): string => {
    const { verdict: now, why } = recordedDecision({ analysis: { at, verdict, why: 'because' } }, nowMs);
    return `${now}: ${why}`;
  };
  it('wants a good analysis that a watching command has recorded a short time ago', () => {
    expect(decision('good', '2026-12-01T09:49:30Z')).toBe('good: because');
    expect(decision('good', '2026-12-01T09:40:00Z')).toMatch(/^wait: the last analysis is 20 minutes old/);
    expect(decision('hold', '2026-12-01T09:59:00Z')).toBe('wait: hold: because');
    expect(recordedDecision({ analysis: null }, nowMs).verdict).toBe('wait');
  });
});
