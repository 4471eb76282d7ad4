/** The work done for each item, `window` of them at once; the outcomes come in the order of the items. */
export async function* mapInOrder<T, R>(
  items: AsyncIterable<T>,
  window: number,
  work: (item: T) => Promise<R> | R,
): AsyncGenerator<{ readonly item: T; readonly outcome: R }, void, undefined> {
  const pending: { readonly item: T; readonly outcome: Promise<R> }[] = [];
  for await (const item of items) {
    const outcome = Promise.resolve(work(item));
    // Whoever stops listening half-way does not want to hear of the rest.
    outcome.catch(() => undefined);
    pending.push({ item, outcome });
    if (pending.length < window) continue;
    const first = pending.shift();
    if (first) yield { item: first.item, outcome: await first.outcome };
  }
  for (const { item, outcome } of pending) yield { item, outcome: await outcome };
}
