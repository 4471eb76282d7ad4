import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { certificateCheck, checkOutside } from './front.checks.js';

const read = (name: string): string =>
  readFileSync(resolve(import.meta.dirname, '../../../../test/support/certificates', name), 'utf8');
const CHAIN = read('chain.pem');
const [LEAF = '', INTERMEDIATE = ''] = CHAIN.match(/-----BEGIN[^]*?END CERTIFICATE-----/g) ?? [];
const ROOT = read('root.pem');
const ROOTS = [ROOT];
const NOW_MS = Date.parse('2030-01-01T00:00:00Z');
const DAY_MS = 86_400_000;
const NAMES = ['sam.example.test', 'sam-gps.example.test'];
const status = (pem: string, hosts = NAMES, nowMs = NOW_MS, roots = ROOTS): string => {
  const check = certificateCheck(pem, hosts, nowMs, roots);
  return `${check.status}: ${check.seen}`;
};

describe('certificateCheck', () => {
  it('accepts a chain up to a root, with and without the root itself', () => {
    expect(status(CHAIN)).toMatch(/^ok: .*days left; 2 in the file; for sam\.example\.test/);
    expect(status(`${CHAIN}${ROOT}`)).toMatch(/^ok: /);
  });

  it.each<[string, () => string, RegExp]>([
    ['another name', () => status(CHAIN, ['x.example.test']), /^failed: .*not for x\.example\.test/],
    ['a missing chain', () => status(LEAF), /^failed: .*does not end at a public root/],
    [
      'a wrong order',
      () => status(`${INTERMEDIATE}\n${LEAF}`, []),
      /^failed: .*certificate 2 did not sign certificate 1/,
    ],
    ['a self-signed one', () => status(ROOT, []), /^failed: .*self-signed/],
    ['an expired one', () => status(CHAIN, NAMES, NOW_MS + 40_000 * DAY_MS), /^failed: .*-\d+ days left/],
    ['one that is not valid yet', () => status(CHAIN, NAMES, 0), /^failed: .*not valid yet/],
    [
      'no certificate',
      () => status('-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----'),
      /^failed: .*no certificate/,
    ],
    ['no name to compare', () => status(CHAIN, []), /^warning: .*no name was compared/],
  ])('reports %s', (_, check, text) => expect(check()).toMatch(text));

  it('warns in the last 14 days', () => {
    const validTo = /(\d+) days left/.exec(status(CHAIN))?.[1];
    expect(status(CHAIN, NAMES, NOW_MS + (Number(validTo) - 13) * DAY_MS)).toMatch(
      /^warning: .*; 13 days left/,
    );
    expect(status(CHAIN, NAMES, NOW_MS + (Number(validTo) - 14) * DAY_MS)).toMatch(/^ok: /);
  });
});

describe('checkOutside', () => {
  it('never claims that the way from outside works, and shows no login', async () => {
    const check = await checkOutside(
      'http://user:secret-1@127.0.0.1:9/x?token=secret-2',
      new AbortController().signal,
    );
    expect(check.status).toBe('not checked');
    expect(check.seen).toMatch(/^from this machine: no answer/);
    expect(check.todo).toContain("'http://127.0.0.1:9/x'");
    expect(JSON.stringify(check)).not.toMatch(/secret-/);
  });
});
