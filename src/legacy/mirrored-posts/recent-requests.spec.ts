import { describe, expect, it } from '@jest/globals';
import { RecentRequests } from './recent-requests.js';

const ID = 'a'.repeat(32);

describe('RecentRequests', () => {
  let nowMs = 1_000_000;
  let count = 0;
  const requests = new RecentRequests({ nowMs: () => nowMs });
  const arrive = (): number => (count += 1);

  it('gives both copies of a post the same arrival', () => {
    const first = requests.arrivalOf('position', 'v', ID, arrive);
    expect(requests.arrivalOf('position', 'v', ID, arrive)).toBe(first);
  });

  it('gives another post, kind or vehicle another one, and so each post without an id', () => {
    const arrivals = [
      requests.arrivalOf('position', 'v', ID, arrive),
      requests.arrivalOf('position', 'v', 'b'.repeat(32), arrive),
      requests.arrivalOf('crash', 'v', ID, arrive),
      requests.arrivalOf('position', 'w', ID, arrive),
      requests.arrivalOf('position', 'v', null, arrive),
      requests.arrivalOf('position', 'v', null, arrive),
    ];
    expect(new Set(arrivals).size).toBe(arrivals.length);
  });

  it('forgets a post after 60 s, and the oldest of too many', () => {
    const first = requests.arrivalOf('position', 'v', ID, arrive);
    nowMs += 60_000;
    const later = requests.arrivalOf('position', 'v', ID, arrive);
    expect(later).not.toBe(first);
    for (let n = 0; n < 20_000; n += 1)
      requests.arrivalOf('position', 'v', String(n).padStart(32, '0'), arrive);
    expect(requests.arrivalOf('position', 'v', ID, arrive)).not.toBe(later);
  });
});
