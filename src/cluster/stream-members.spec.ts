import { beforeEach, describe, expect, it } from '@jest/globals';
import { type EntryHeader, StreamMembers } from './stream-members.js';

const SETTLED_MS = 1_500;
let members: StreamMembers;
let nowMs: number;
beforeEach(() => {
  members = new StreamMembers(SETTLED_MS);
  nowMs = 0;
});

const header = (sequence: number, change: Partial<EntryHeader> = {}): EntryHeader => ({
  instance: 'a',
  sequence,
  publishedUpToMs: sequence * 100,
  isLast: false,
  ...change,
});
const note = (sequence: number, change?: Partial<EntryHeader>): boolean =>
  members.note(header(sequence, change), nowMs);

describe('the entries of an instance', () => {
  it('are complete from the first one seen while the reader settles, and then in sequence', () => {
    expect([7, 8, 9].map((sequence) => note(sequence))).toEqual([true, true, true]);
    expect(members.ids).toEqual(new Set(['a']));
  });

  it('are incomplete after a hole, once', () => {
    expect([7, 9, 10].map((sequence) => note(sequence))).toEqual([true, false, true]);
  });

  it('are incomplete when the first one seen after settling is not the first one written', () => {
    nowMs = SETTLED_MS + 1;
    expect(note(2)).toBe(false);
    expect(note(1, { instance: 'b' })).toBe(true);
  });

  it('that arrive behind a newer one take nothing back', () => {
    expect([7, 9, 8, 10].map((sequence) => note(sequence))).toEqual([true, false, true, true]);
    expect(members.publishedUpToMs).toBe(1_000);
  });

  it('end with the last one', () => {
    note(7);
    note(8, { isLast: true });
    expect([members.ids.size, members.publishedUpToMs]).toEqual([0, Infinity]);
  });
});

describe('a silent instance', () => {
  beforeEach(() => {
    note(7);
    note(7, { instance: 'b' });
    nowMs = 4_000;
    note(8, { instance: 'b' });
    nowMs = 5_001;
  });

  it('is lost once, and holds the time up to which everything has arrived', () => {
    expect(members.takeSilent(nowMs)).toEqual(['a']);
    expect(members.takeSilent(nowMs)).toEqual([]);
    expect([...members.ids]).toEqual(['b']);
    note(90, { instance: 'b' });
    expect([members.hasLost, members.publishedUpToMs]).toEqual([true, 700]);
  });

  it('has ended when it has no heartbeat in storage', () => {
    members.takeSilent(nowMs);
    members.forgetEnded(new Set(['a', 'b']));
    expect(members.publishedUpToMs).toBe(700);
    members.forgetEnded(new Set(['b']));
    expect([members.hasLost, members.publishedUpToMs]).toEqual([false, 800]);
  });

  it('is incomplete when it returns, even without a hole', () => {
    members.takeSilent(nowMs);
    expect(note(8)).toBe(false);
    expect([members.hasLost, note(9)]).toEqual([false, true]);
  });
});
