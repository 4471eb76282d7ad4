/**
 * Runs `work` for each item, at most `window` at a time, and yields the outcomes in the order of the items. It reads the
 * next item only when a place is free, so the memory is bounded; `p-limit` keeps neither the order nor this bound.
 */
export async function* mapInOrder<T, R>(
  items: AsyncIterable<T>,
  window: number,
  work: (item: T) => Promise<R> | R,
): AsyncGenerator<{ readonly item: T; readonly outcome: R }, void, undefined> {
  const pending: { readonly item: T; readonly outcome: Promise<R> }[] = [];
  for await (const item of items) {
    const outcome = Promise.resolve(work(item));
    // A consumer that stops early does not await the rest; their errors must not end the process.
    outcome.catch(() => undefined);
    pending.push({ item, outcome });
    if (pending.length < window) continue;
    const first = pending.shift();
    if (first) yield { item: first.item, outcome: await first.outcome };
  }
  for (const { item, outcome } of pending) yield { item, outcome: await outcome };
}
