import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { differencesOf, printTable, groupDifferences } from '../old-conversation/differences.js';
import { readConversation } from '../old-conversation/conversation.js';
import { KNOWN_DIFFERENCES } from '../old-conversation/known-differences.js';
import { playAgainstOld } from '../old-conversation/old-target.js';
import { playAgainstSamserver } from '../old-conversation/samserver-target.js';

const conversation = readConversation();
const endings = conversation.steps.filter(({ endsOld }) => endsOld).length;

describe('the recorded conversation', () => {
  it('covers half an hour of sixteen boxes with pictures and crashes', () => {
    const { boxes, steps } = conversation;
    const count = (kind: string) => steps.filter((step) => step.kind === kind).length;
    expect(boxes).toHaveLength(16);
    expect(steps.at(-1)?.atS).toBeGreaterThan(1_740);
    expect(count('position') / 30).toBeGreaterThan(14);
    expect(count('position') / 30).toBeLessThan(26);
    expect(count('pictures')).toBeGreaterThan(10);
    expect(count('crash')).toBe(4);
    expect(count('dispatch')).toBe(3);
  });

  it('gives the same recording twice against the old server', async () => {
    const one = await playAgainstOld(conversation);
    const other = await playAgainstOld(conversation);
    expect([one.restarts, other.restarts]).toEqual([endings, endings]);
    const kinds = new Set([...one.recording.keys()].map((key) => key.split('/', 1)[0]));
    expect([...kinds].sort()).toEqual(['answer', 'document', 'file', 'frame']);
    expect(one.recording.size).toBeGreaterThan(10_000);
    const differences = differencesOf(one.recording, other.recording);
    expect(printTable(groupDifferences(differences, []))).toBe(printTable([]));
  }, 300_000);

  it('differs at Samserver in the known differences only', async () => {
    const { recording: old } = await playAgainstOld(conversation);
    const here = await playAgainstSamserver(conversation);
    const rows = groupDifferences(differencesOf(old, here), KNOWN_DIFFERENCES);
    console.info(printTable(rows));
    expect(printTable(rows.filter(({ reason }) => reason === null))).toBe(printTable([]));
    // A known difference that does not occur any more must be removed.
    const used = new Set(rows.map(({ reason }) => reason));
    expect(KNOWN_DIFFERENCES.filter(({ reason }) => !used.has(reason))).toEqual([]);
    const docs = readFileSync(resolve(import.meta.dirname, '../../docs/old-clients-differences.md'), 'utf8');
    for (const { reason } of KNOWN_DIFFERENCES) expect(docs).toContain(reason);
  }, 300_000);
});
