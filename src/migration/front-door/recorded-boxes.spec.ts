import { describe, expect, it } from '@jest/globals';
import type { LegacyClient } from '../../legacy/status/index.js';
import { addressesOf } from './recorded-boxes.js';

const box = (name: string, lastAddress: string | null, kind: LegacyClient['kind'] = 'box'): LegacyClient => ({
  kind,
  name,
  lastAddress,
  way: 'http',
  dialect: 'json',
  firstSeenAt: new Date(0),
  lastSeenAt: new Date('2026-11-26T10:00:00.000Z'),
  count: 1,
});

describe('addressesOf', () => {
  it('gives the last address of each box, and names the boxes that would move with it', () => {
    const clients = [box('291', '198.51.100.7'), box('7', '198.51.100.7'), box('8', '2001:db8::8')];
    expect(addressesOf(['291', '8'], clients)).toEqual({
      addresses: ['198.51.100.7', '2001:db8::8'],
      notes: [
        'box 291: 198.51.100.7, last post 2026-11-26T10:00:00.000Z; boxes with the same address: 7',
        'box 8: 2001:db8::8, last post 2026-11-26T10:00:00.000Z',
      ],
    });
  });

  it('gives an IPv4 address of a socket for both versions as nginx compares it', () => {
    const clients = [box('291', '::ffff:198.51.100.7'), box('7', '198.51.100.7')];
    expect(addressesOf(['291'], clients)).toEqual({
      addresses: ['198.51.100.7'],
      notes: [expect.stringContaining('boxes with the same address: 7')],
    });
  });

  it.each([
    ['that is not recorded', [], /no address of box "291"/],
    ['of an earlier release', [box('291', null)], /no address of box "291"/],
    ['that no vehicle has', [box('291', '198.51.100.7', 'unknown_box')], /no address of box "291"/],
    ['behind a proxy that is not trusted', [box('291', '127.0.0.1')], /127\.0\.0\.1.*TRUST_PROXY/],
    ['behind one, on a socket for both versions', [box('291', '::ffff:127.0.0.1')], /TRUST_PROXY/],
  ])('refuses a box %s', (_, clients, message) => {
    expect(() => addressesOf(['291'], clients)).toThrow(message);
  });
});
