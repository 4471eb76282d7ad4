import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Settings } from '../../config/index.js';
import type { Call } from './call-context.js';
import { CallerRanks } from './caller-ranks.js';

let context: { current: Call | null };
let ranks: CallerRanks;
beforeEach(() => {
  context = { current: null };
  ranks = new CallerRanks({ auth: { failureWindowS: 900 } } as Settings, context);
});

const from = (ip: string, caller: Call['caller'] = null): CallerRanks => {
  context.current = { requestId: '', ip, caller };
  return ranks;
};

describe('CallerRanks', () => {
  it('ranks a network by its last secrets; a right one counts more', () => {
    expect(from('198.51.100.1').current).toEqual({ key: '198.51.100.1', rank: 'unknown' });
    from('198.51.100.1').recordWrong();
    expect(from('198.51.100.1').current.rank).toBe('suspect');
    from('198.51.100.1').recordRight();
    from('198.51.100.1').recordWrong();
    expect([from('198.51.100.1').current.rank, from('198.51.100.2').current.rank]).toEqual([
      'known',
      'unknown',
    ]);
  });

  it('suspects a new network at an account that was guessed from elsewhere, but not a known network', () => {
    from('198.51.100.1').setAccount('a');
    ranks.recordWrong();
    from('198.51.100.3').recordRight();
    const rankAt = (ip: string, account: string): string => {
      from(ip).setAccount(account);
      return ranks.current.rank;
    };
    expect(rankAt('198.51.100.2', 'a')).toBe('suspect');
    expect(rankAt('198.51.100.2', 'b')).toBe('unknown');
    expect(rankAt('198.51.100.3', 'a')).toBe('known');
  });

  it('takes the addresses of an IPv6 network together', () => {
    from('2001:db8:7:7::1').recordRight();
    expect(from('2001:db8:7:7::2').current).toEqual({ key: '2001:db8:7:7::/64', rank: 'known' });
  });

  it('knows authenticated callers and the service itself', () => {
    expect(from('198.51.100.1', { kind: 'operator' }).current.rank).toBe('known');
    context.current = null;
    expect(ranks.current).toEqual({ key: '', rank: 'known' });
  });

  it('forgets the network used least recently above 10,000', () => {
    for (let n = 0; n <= 10_000; n += 1) from(`10.0.${n >> 8}.${n & 255}`).recordRight();
    expect([from('10.0.0.0').current.rank, from('10.0.0.1').current.rank]).toEqual(['unknown', 'known']);
  });
});
