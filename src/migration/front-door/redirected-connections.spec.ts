import { describe, expect, it } from '@jest/globals';
import { countConnections } from './redirected-connections.js';

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:3A98 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 01005B0A:3A98 02005B0A:C350 01 00000000:00000000 00:00000000 00000000    33        0 2 1
   2: 0100007F:3A98 0100007F:C351 01 00000000:00000000 00:00000000 00000000    33        0 3 1
   3: 01005B0A:3A98 02005B0A:C352 06 00000000:00000000 03:00000000 00000000     0        0 0 3
   4: 01005B0A:1388 02005B0A:C353 01 00000000:00000000 00:00000000 00000000     0        0 4 1
   5: 000091FD000000000000000001000000:3ACA 000091FD000000000000000002000000:C354 03 00000000:0 00:0 0 0 0 5
   6: 00000000000000000000000001000000:3ACA 00000000000000000000000001000000:C355 01 00000000:0 00:0 0 0 0 6
`;

describe('countConnections', () => {
  it('counts open connections from other machines to the ports', () => {
    // 15000 and 15050: rows 1 and 5. Row 0 listens, 2 and 6 are local, 3 has ended, 4 is of port 5000.
    expect(countConnections(TABLE, [15_000, 15_050])).toBe(2);
    expect(countConnections(TABLE, [15_000])).toBe(1);
    expect(countConnections('', [15_000])).toBe(0);
  });
});
