/** One kind of cached value. */
export interface CachedReads<T> {
  /**
   * The cached value, or the result of `load`. Only a value is kept: null and an error are not, because what is missing now
   * can be created at any time.
   * @throws what `load` throws; never an error of the cache
   */
  get<R extends T | null>(key: string, load: () => Promise<R>): Promise<R>;

  /**
   * Call it after a change is durable and before the answer to it. When it resolves, no read of any instance gets the value
   * of before, and no load that began before is kept. Takes 200 ms at most and never rejects: when Redis does not answer, the
   * deletion is repeated, and the lifetime of the entry bounds its age.
   */
  forget(key: string): Promise<void>;
}

/** Reads without a cache, for commands: they end before they would read twice. */
export const UNCACHED: CachedReads<never> = {
  get: (_key, load) => load(),
  forget: () => Promise.resolve(),
};

/** How a read was answered: from the cache or a load under way, by a load, or past the cache. */
export const OUTCOMES = ['hit', 'miss', 'bypass'] as const;
export type Outcome = (typeof OUTCOMES)[number];
export type CountRead = (outcome: Outcome) => void;
