import { beforeEach, describe, expect, it } from '@jest/globals';
import { type EventStream, type Redis, SharedLimits } from '../../cluster/index.js';
import type { Settings } from '../../config/index.js';
import { AttemptLimiter } from './attempt-limiter.js';
import { badCredentials } from '../auth.errors.js';
import type { CallContext } from '../access/call-context.js';
import { CallerRanks } from '../access/caller-ranks.js';

const otherInstances = new Set<string>();
let limits: AttemptLimiter;
beforeEach(() => {
  otherInstances.clear();
  const auth = { failuresPerAccount: 10, failuresPerIp: 100, failureWindowS: 900, jwtSecret: 'a secret' };
  const context = { current: { ip: '198.51.100.1' } } as CallContext;
  const settings = { auth } as Settings;
  limits = new AttemptLimiter(
    settings,
    context,
    new CallerRanks(settings, context),
    new SharedLimits({ isUp: false } as Redis, settings),
    { memberIds: otherInstances } as unknown as EventStream,
  );
});

const outcomes = async (work: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(work)).map((each) => (each.status === 'fulfilled' ? 'in' : each.reason.code));
const count = (all: readonly string[], one: string) => all.filter((each) => each === one).length;

describe('simultaneous attempts at one account', () => {
  it('wait for the attempts in progress up to the queue limit, and are refused above it', async () => {
    let atWork = 0;
    let mostAtWork = 0;
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const attempt = () =>
      limits.limit('login', 'a', async () => {
        mostAtWork = Math.max(mostAtWork, (atWork += 1));
        await gate;
        atWork -= 1;
      });
    const all = outcomes(Array.from({ length: 115 }, attempt));
    setImmediate(() => open());
    expect(count(await all, 'in')).toBe(110);
    expect(count(await all, 'auth/busy')).toBe(5);
    expect(mostAtWork).toBe(10);
  });

  it('have a part of the limit on each instance, and one always', async () => {
    const mostAtOnce = async (instances: number): Promise<number> => {
      for (let n = 1; n < instances; n += 1) otherInstances.add(`other ${n}`);
      let [atWork, most] = [0, 0];
      const attempt = () =>
        limits.limit('login', `a ${instances}`, async () => {
          most = Math.max(most, (atWork += 1));
          await new Promise((resolve) => setImmediate(resolve));
          atWork -= 1;
        });
      const all = await outcomes(Array.from({ length: 12 }, attempt));
      expect(count(all, 'in')).toBe(12);
      return most;
    };
    expect([await mostAtOnce(3), await mostAtOnce(20)]).toEqual([3, 1]);
  });

  it('allow no more wrong guesses than successive attempts', async () => {
    let looks = 0;
    const guess = () =>
      limits.limit('login', 'a', () => {
        looks += 1;
        return Promise.reject(badCredentials());
      });
    const all = await outcomes(Array.from({ length: 50 }, guess));
    expect(looks).toBe(10);
    expect(count(all, 'auth/bad-credentials')).toBe(10);
    expect(count(all, 'auth/too-many-attempts')).toBe(40);
  });
});
