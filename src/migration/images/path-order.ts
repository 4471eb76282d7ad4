/** Orders paths by their UTF-8 bytes, like the index of the database on paths. All lists use this order. */
export function comparePaths(one: string, other: string): number {
  if (one === other) return 0;
  // UTF-16 has the same order below the surrogates; this saves two buffers for most comparisons.
  if (!FROM_SURROGATES.test(one) && !FROM_SURROGATES.test(other)) return one < other ? -1 : 1;
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

const FROM_SURROGATES = /[\ud800-\uffff]/;

/** The items of several lists with the same path. */
export type Merged<T extends Record<string, { readonly path: string }>> = { readonly path: string } & {
  readonly [Name in keyof T]?: T[Name];
};

type Lists<T> = { readonly [Name in keyof T]: AsyncIterable<T[Name]> };

/** Merges lists in the order of paths. It keeps one item of each list in memory. */
export async function* mergeByPath<T extends Record<string, { readonly path: string }>>(
  lists: Lists<T>,
): AsyncGenerator<Merged<T>, void, undefined> {
  const readers = Object.entries(lists).map(([name, list]) => ({
    name,
    items: (list as AsyncIterable<{ readonly path: string }>)[Symbol.asyncIterator](),
    head: null as { readonly path: string } | null,
  }));
  const advance = async (reader: (typeof readers)[number]): Promise<void> => {
    const next = await reader.items.next();
    reader.head = next.done ? null : next.value;
  };
  try {
    for (const reader of readers) await advance(reader);
    for (;;) {
      const heads = readers.flatMap(({ head }) => (head ? [head.path] : []));
      const [first, ...rest] = heads;
      if (first === undefined) return;
      const path = rest.reduce((least, each) => (comparePaths(each, least) < 0 ? each : least), first);
      const here = readers.filter(({ head }) => head?.path === path);
      yield { path, ...Object.fromEntries(here.map(({ name, head }) => [name, head])) } as Merged<T>;
      for (const reader of here) await advance(reader);
    }
  } finally {
    for (const { items } of readers) await items.return?.();
  }
}
