import { describe, expect, it } from '@jest/globals';
import { ConcurrencyLimiter } from './concurrency-limiter.js';

interface Job {
  readonly name: string;
  finish(): void;
  fail(): void;
}

describe('ConcurrencyLimiter', () => {
  const started: Job[] = [];
  const work = (name: string) => () =>
    new Promise<string>((resolve, reject) =>
      started.push({ name, finish: () => resolve(name), fail: () => reject(new Error(name)) }),
    );
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  it('runs some tasks at the same time, queues some in order, and refuses the rest at once', async () => {
    const bounded = new ConcurrencyLimiter(2, 2, () => new Error('full'));
    const answers = ['a', 'b', 'c', 'd'].map((name) => bounded.run(work(name)));
    await expect(bounded.run(work('e'))).rejects.toThrow('full');
    expect(started.map((job) => job.name)).toEqual(['a', 'b']);
    expect(bounded.hasFreeSlot).toBe(false);

    started[1]?.fail();
    await expect(answers[1]).rejects.toThrow('b');
    await settle();
    expect(started.map((job) => job.name)).toEqual(['a', 'b', 'c']);

    started[0]?.finish();
    await settle();
    for (const job of started) job.finish();
    await settle();
    for (const job of started) job.finish();
    expect(await Promise.all([answers[0], answers[2], answers[3]])).toEqual(['a', 'c', 'd']);
    expect(bounded.hasFreeSlot).toBe(true);
  });
});
