import { describe, expect, it } from '@jest/globals';
import { countRequests, perMinute } from './access-log.js';
import { parseConnections, parseListeners } from './sockets.js';

describe('ss', () => {
  it('reads listeners with their first process', () => {
    const text = [
      'LISTEN 0      511    127.0.0.1:42467 0.0.0.0:* users:(("node /srv/a b",pid=300,fd=22),("node",pid=301,fd=2))  ',
      'LISTEN 0 511 *:5000 *:*',
      'LISTEN 0 511 [::1]:80 [::]:*',
      'nonsense',
    ].join('\n');
    expect(parseListeners(text)).toEqual([
      { address: '127.0.0.1', port: 42467, process: { name: 'node /srv/a b', pid: 300 } },
      { address: '*', port: 5000, process: null },
      { address: '::1', port: 80, process: null },
    ]);
  });

  it('reads connections to the wanted ports, IPv4 in IPv6 too', () => {
    const text = [
      'ESTAB 0 0 [::ffff:10.0.0.1]:5000 [::ffff:10.0.0.9]:5123',
      'TIME-WAIT 0 0 10.0.0.1:5050 10.0.0.8:5000',
      'ESTAB 0 0 10.0.0.1:40000 10.0.0.2:5000',
      'LISTEN 0 511 *:5000 *:*',
      'ESTAB 0 0 [fe80::1%eth0]:5000 [fe80::2%eth0]:1',
    ].join('\n');
    expect(parseConnections(text, new Set([5000, 5050]))).toEqual([
      { localPort: 5000, localAddress: '10.0.0.1', peerAddress: '10.0.0.9' },
      { localPort: 5050, localAddress: '10.0.0.1', peerAddress: '10.0.0.8' },
      { localPort: 5000, localAddress: 'fe80::1', peerAddress: 'fe80::2' },
    ]);
  });
});

describe('access log', () => {
  const line = (time: string, path: string, status = 200, address = '198.51.100.1'): string =>
    `${address} - - [30/Nov/2026:${time} +0700] "POST ${path} HTTP/1.1" ${status} 5 "-" "agent"`;

  it('counts requests, addresses and failures of each route', () => {
    const traffic = countRequests([
      line('09:00:00', '/api/tracking/postAmbulanceTracking'),
      line('09:01:00', '/api/tracking/postAmbulanceTracking?x=secret', 502, '2001:db8::1'),
      line('09:02:00', '//uploads/ambulance_images/a.jpg'),
      line('09:02:00', '/other'),
      '198.51.100.66 - - [30/Nov/2026:11:00:01 +0700] "\\x16\\x03" 400 157 "-" "-"',
      '',
    ]);
    expect(traffic).toEqual({
      routes: {
        positions: { requests: 2, addresses: 2, failures: 1 },
        'picture files': { requests: 1, addresses: 1, failures: 0 },
        other: { requests: 1, addresses: 1, failures: 0 },
      },
      firstMs: Date.parse('2026-11-30T02:00:00Z'),
      lastMs: Date.parse('2026-11-30T02:02:00Z'),
      unreadableLines: 1,
    });
    expect(perMinute(2, traffic)).toBe(1);
  });

  it('needs time in proportion to a hostile line', () => {
    const hostile = [
      `1.1.1.1 - - [30/Nov/2026:09:00:00 +0700] "GET ${'a'.repeat(100_000)}`,
      `${'1'.repeat(100_000)}`,
    ];
    expect(countRequests(Array(2_000).fill(hostile).flat() as string[]).unreadableLines).toBe(4_000);
  });
});
