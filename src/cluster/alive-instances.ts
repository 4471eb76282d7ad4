/** Heartbeats that were read longer ago are out of date. */
const MAX_AGE_MS = 20_000;

/** The other instances with a heartbeat in storage, as they were read last. */
export class AliveInstances {
  private known: ReadonlySet<string> = new Set();
  private readAtMs = -Infinity;

  /** null: not known, because the heartbeats were not read for 20 s. */
  get ids(): ReadonlySet<string> | null {
    return performance.now() - this.readAtMs <= MAX_AGE_MS ? this.known : null;
  }

  set(ids: ReadonlySet<string>): void {
    this.known = ids;
    this.readAtMs = performance.now();
  }
}
