import { beforeEach, describe, expect, it } from '@jest/globals';
import { type CallerRank, FairLimiter } from './fair-limiter.js';

let started: string[];
let endings: (() => void)[];
let answers: Record<string, string>;
let limiter: FairLimiter;

beforeEach(() => use({ maxRunning: 1, maxWaiting: 4 }));

function use(limits: ConstructorParameters<typeof FairLimiter>[0]): void {
  [started, endings, answers] = [[], [], {}];
  limiter = new FairLimiter(limits, () => new Error('busy'));
}

/** Tasks named after their caller and a number, as in `a1`. */
function run(names: string, rank: CallerRank = 'unknown'): void {
  for (const name of names.split(' ')) {
    const task = () => {
      started.push(name);
      return new Promise<void>((end) => endings.push(end));
    };
    limiter.run({ key: name.slice(0, 1), rank }, task).then(
      () => (answers[name] = 'done'),
      (error: Error) => (answers[name] = error.message),
    );
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Ends the running tasks one after the other until none is left. */
async function finish(): Promise<string> {
  await settle();
  for (let end = endings.shift(); end; end = endings.shift()) {
    end();
    await settle();
  }
  return started.join(' ');
}

describe('FairLimiter', () => {
  it('runs as many tasks as allowed and starts a waiting one when one ends, also after an error', async () => {
    use({ maxRunning: 2, maxWaiting: 4 });
    const failing = limiter.run({ key: 'x', rank: 'unknown' }, () => Promise.reject(new Error('failed')));
    run('a1 a2');
    expect([started, limiter.hasFreeSlot]).toEqual([['a1'], false]);
    await expect(failing).rejects.toThrow('failed');
    await settle();
    expect(started).toEqual(['a1', 'a2']);
    await finish();
    expect([limiter.hasFreeSlot, answers]).toEqual([true, { a1: 'done', a2: 'done' }]);
  });

  it('serves the keys in turn, and the tasks of a key in order', async () => {
    use({ maxRunning: 1, maxWaiting: 10 });
    run('a1 a2 a3 a4 b1 c1 b2');
    expect(await finish()).toBe('a1 a2 b1 c1 a3 b2 a4');
  });

  it('refuses at once what finds no place, and makes place for a key with fewer waiting tasks', async () => {
    run('a1 a2 a3 a4 a5 a6');
    await settle();
    expect(answers).toEqual({ a6: 'busy' });
    run('b1 b2 b3');
    await settle();
    expect(answers).toEqual({ a6: 'busy', a5: 'busy', a4: 'busy', b3: 'busy' });
    expect(await finish()).toBe('a1 a2 b1 a3 b2');
  });

  it('starts known callers first, and each 4th time one of the next rank', async () => {
    use({ maxRunning: 1, maxWaiting: 30 });
    run('x0');
    run('s1 s2 s3', 'suspect');
    run('u1 u2 u3');
    run('k1 k2 k3 k4 k5 k6 k7 k8 k9 k10', 'known');
    run('m1 m2 m3', 'known');
    expect(await finish()).toBe('x0 k1 m1 k2 u1 m2 k3 m3 u2 k4 k5 k6 u3 k7 k8 k9 s1 k10 s2 s3');
  });

  it('keeps the queue of a rank free of tasks of the other ranks', async () => {
    run('x0');
    run('s1 s2 t1 t2 s3', 'suspect');
    run('k1 k2', 'known');
    await settle();
    expect(answers).toEqual({ s3: 'busy' });
    expect(await finish()).toBe('x0 k1 k2 s1 t1 s2 t2');
  });
});
