import { afterEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Settings } from '../../config/index.js';
import { createPino, PinoLogger } from '../logging/pino-logger.js';
import { ClientAddresses, ipNetwork } from './client-addresses.js';

Logger.overrideLogger(false);

function addressOf(remoteAddress: string | undefined, forwarded?: string): string {
  const settings = { http: { trustProxy: ['10.0.0.1', 'fd00::1'] } } as unknown as Settings;
  return new ClientAddresses(settings).of({
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    socket: { remoteAddress } as never,
  });
}

describe('ClientAddresses', () => {
  it('uses X-Forwarded-For of a trusted proxy only', () => {
    expect(addressOf('10.0.0.1', '203.0.113.9')).toBe('203.0.113.9');
    expect(addressOf('::ffff:10.0.0.1', '203.0.113.9')).toBe('203.0.113.9');
    expect(addressOf('203.0.113.5', '203.0.113.9')).toBe('203.0.113.5');
    expect(addressOf('10.0.0.1')).toBe('10.0.0.1');
    expect(addressOf(undefined)).toBe('');
  });

  it('takes the last address that is not a trusted proxy: a client writes the addresses before it', () => {
    expect(addressOf('10.0.0.1', '1.1.1.1, 203.0.113.9')).toBe('203.0.113.9');
    expect(addressOf('10.0.0.1', '1.1.1.1, 203.0.113.9, fd00::1')).toBe('203.0.113.9');
    expect(addressOf('10.0.0.1', 'unknown, 203.0.113.9')).toBe('203.0.113.9');
    expect(addressOf('10.0.0.1', '203.0.113.9, unknown')).toBe('10.0.0.1');
  });

  it('ignores ports, brackets and zones: a client with many connections has one address', () => {
    expect(addressOf('10.0.0.1', '203.0.113.9:51712')).toBe('203.0.113.9');
    expect(addressOf('10.0.0.1', '[2001:db8::9]:51712')).toBe('2001:db8::9');
    expect(addressOf('10.0.0.1', '[2001:DB8::9]')).toBe('2001:db8::9');
    expect(addressOf('fd00::1%eth0', '::ffff:203.0.113.9')).toBe('203.0.113.9');
  });

  it('reads the end of a list of any length', () => {
    expect(addressOf('10.0.0.1', `${'10.0.0.1,'.repeat(5_000)}203.0.113.9`)).toBe('203.0.113.9');
    expect(addressOf('10.0.0.1', '10.0.0.1,'.repeat(5_000) + '10.0.0.1')).toBe('10.0.0.1');
  });
});

describe('the warning about a proxy that is not trusted', () => {
  afterEach(() => Logger.overrideLogger(false));

  it('comes once, with the address of the proxy, and not for a trusted one or without the header', () => {
    const lines: string[] = [];
    const to = { write: (line: string) => void lines.push(line) };
    Logger.overrideLogger(new PinoLogger(createPino('info', { isTerminal: false, release: null, to })));
    const addresses = new ClientAddresses({ http: { trustProxy: ['10.0.0.1'] } } as unknown as Settings);
    const request = (remoteAddress: string, headers = {}) =>
      addresses.of({ headers, socket: { remoteAddress } as never });
    request('10.0.0.2');
    request('10.0.0.1', { 'x-forwarded-for': '203.0.113.9' });
    expect(lines).toEqual([]);
    for (let count = 0; count < 3; count += 1) request('10.0.0.2', { 'x-forwarded-for': '203.0.113.9' });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({
        level: 'warn',
        address: '10.0.0.2',
        msg: expect.stringContaining('TRUST_PROXY'),
      }),
    ]);
  });
});

describe('ipNetwork', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:DB8:0:1:aaaa:bbbb:cccc:dddd', '2001:db8:0:1::/64'],
    ['2001:db8:0:1::5', '2001:db8:0:1::/64'],
    ['2001:0db8::5', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('%s lies in %s', (ip, network) => expect(ipNetwork(ip)).toBe(network));
});
