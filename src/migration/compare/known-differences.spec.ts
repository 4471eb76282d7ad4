import { describe, expect, it } from '@jest/globals';
import type { Finding } from './compared-item.js';
import { KNOWN_DIFFERENCES, knownDifferenceOf } from './known-differences.js';

const context = { firstPositionMs: new Map([['291', 1_000_500]]) };
const finding = (given: Partial<Finding>): Finding => ({
  ...{ kind: 'position', type: 'missing', side: 'old', box: '291', atMs: 1_000_500, fields: {} },
  ...given,
});
const ruleOf = (given: Partial<Finding>): string | null =>
  knownDifferenceOf(finding(given), context)?.name ?? null;
const both = (old: unknown, samserver: unknown) => ({ old, samserver });

describe('known differences', () => {
  it.each<[string, Partial<Finding>]>([
    ['first-position', {}],
    [
      'picture-metadata',
      { kind: 'picture', type: 'differs', side: 'samserver', fields: { hasMetadata: both(true, false) } },
    ],
    ['crash-repeated', { kind: 'crash', type: 'doubled', lagMs: 40 }],
    [
      'crash-without-fix',
      { kind: 'crash', fields: { lat: { samserver: null }, speedKmh: { samserver: 3 } } },
    ],
    [
      'extension',
      {
        kind: 'frame',
        type: 'differs',
        side: 'samserver',
        fields: { imagesObj: both({ image0: 'u/291/….JPG' }, { image0: 'u/291/….jpg' }) },
      },
    ],
    [
      'position-without-place',
      {
        kind: 'frame',
        side: 'samserver',
        fields: { type: { old: 'TRACKING' }, tracking_latitude: { old: 'nan' } },
      },
    ],
    [
      'title-page',
      {
        kind: 'get',
        box: 'GET /?…',
        type: 'differs',
        fields: { status: both(200, 200), body: both('a', 'b') },
      },
    ],
    [
      'unknown-path',
      {
        kind: 'get',
        box: 'GET /x',
        type: 'differs',
        fields: { status: both(404, 404), body: both('a', 'b') },
      },
    ],
  ])('%s', (name, given) => expect(ruleOf(given)).toBe(name));

  it.each<[string, Partial<Finding>]>([
    ['a later position that the old server lacks', { atMs: 1_000_501 }],
    ['the first position of another box', { box: '292' }],
    ['a first position that Samserver lacks', { side: 'samserver' }],
    ['a doubled position', { type: 'doubled' }],
    ['a doubled picture', { kind: 'picture', type: 'doubled', side: 'old', lagMs: 0 }],
    ['a crash that comes again later', { kind: 'crash', type: 'doubled', lagMs: 1_500 }],
    ['a crash with a fix', { kind: 'crash', fields: { lat: { samserver: 1 }, speedKmh: { samserver: 0 } } }],
    [
      'other pictures of a frame',
      {
        kind: 'frame',
        type: 'differs',
        side: 'samserver',
        fields: {
          imagesObj: both({ image0: 'u/291/….jpg' }, { image0: 'u/291/….jpg', image1: 'u/291/….jpg' }),
        },
      },
    ],
    [
      'a frame with a place',
      {
        kind: 'frame',
        side: 'samserver',
        fields: {
          type: { old: 'TRACKING' },
          tracking_latitude: { old: '1' },
          tracking_longitude: { old: '2' },
        },
      },
    ],
    [
      'an unknown path of one server',
      {
        kind: 'get',
        box: 'GET /x',
        type: 'differs',
        fields: { status: both(404, 200), body: both('a', 'b') },
      },
    ],
    [
      'another page',
      {
        kind: 'get',
        box: 'GET /error_codes',
        type: 'differs',
        fields: { status: both(200, 200), body: both('a', 'b') },
      },
    ],
  ])('%s is none', (_, given) => expect(ruleOf(given)).toBeNull());

  it('each has a name of its own and a reason', () => {
    expect(new Set(KNOWN_DIFFERENCES.map(({ name }) => name)).size).toBe(KNOWN_DIFFERENCES.length);
    for (const { reason } of KNOWN_DIFFERENCES) expect(reason.length).toBeGreaterThan(20);
  });
});
