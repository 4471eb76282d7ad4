import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { loadSettings } from '../../config/index.js';
import { ClientAddresses, SharedRates } from '../../core/index.js';
import { PostLimits, TooManyPostsError } from './post-limits.js';

Logger.overrideLogger(false);

let nowMs: number;
let limits: PostLimits;
beforeEach(() => {
  nowMs = 1_800_000_000_000;
  const { settings } = loadSettings({ MONGODB_URL: 'mongodb://127.0.0.1/x', JWT_SECRET: 'x'.repeat(32) });
  const clock = { nowMs: () => nowMs };
  limits = new PostLimits(new ClientAddresses(settings), clock, new SharedRates(clock), settings);
});

const from = (remoteAddress: string): IncomingMessage =>
  ({ headers: {}, socket: { remoteAddress } }) as IncomingMessage;

/** @returns the time to wait; 0 when the post is accepted */
function post(kind: 'position' | 'picture', box: string, address: string): number {
  try {
    limits.checkAddress(kind, from(address));
    limits.checkBox(kind, box, from(address));
    return 0;
  } catch (error) {
    if (error instanceof TooManyPostsError) return error.retryAfterMs;
    throw error;
  }
}

describe('the limits of old boxes', () => {
  it('allow four times the real rates of 16 boxes behind one address', () => {
    const boxes = Array.from({ length: 16 }, (_, n) => `vehicle ${n}`);
    const refused: number[] = [];
    for (let atMs = 0; atMs < 60_000; atMs += 25, nowMs += 25) {
      // A box sends a position each second and pictures each 700 ms.
      for (const box of boxes) {
        if (atMs % 250 === 0 && post('position', box, '10.0.0.1') > 0) refused.push(atMs);
        if (atMs % 175 === 0 && post('picture', box, '10.0.0.1') > 0) refused.push(atMs);
      }
    }
    expect(refused).toEqual([]);
  });

  it('bound a client that sends with the code of a box, and leave the box its own rate', () => {
    let [ofAttacker, ofBox] = [0, 0];
    for (let n = 0; n < 7_000; n += 1, nowMs += 1) {
      if (post('position', 'vehicle', '203.0.113.1') === 0) ofAttacker += 1;
      if (n % 1_000 === 0 && post('position', 'vehicle', '198.51.100.1') === 0) ofBox += 1;
    }
    expect([ofAttacker, ofBox]).toEqual([20 + 7 * 4 - 1, 7]);
  });

  it('bound the code of one box from many addresses', () => {
    const addresses = Array.from({ length: 200 }, (_, n) => `203.0.113.${n}`);
    expect(addresses.filter((address) => post('position', 'vehicle', address) === 0)).toHaveLength(80);
  });

  it('bound one address with many codes, and count positions apart from alarms', () => {
    const accepted = Array.from({ length: 2_000 }, (_, n) => post('position', `v${n}`, '203.0.113.1'));
    expect(accepted.filter((waitMs) => waitMs === 0)).toHaveLength(1_000);
    expect(accepted.at(-1)).toBe(5);
    expect(() => limits.checkAddress('crash', from('203.0.113.1'))).not.toThrow();
  });
});
