/** Stored fixes against those that a watcher saw: what is stored and not seen is owed. */

/** Times remembered after both sides had them, so that a repeat opens no new debt. */
const REMEMBERED_PER_VEHICLE = 10_000;

interface Page {
  /** Stored, not yet seen. */
  readonly owed: Set<number>;
  /** Seen before its acknowledgement came, or never acknowledged as stored: a release from quarantine. */
  readonly early: Set<number>;
  readonly settled: Set<number>;
  seen: number;
}

export class LiveLedger {
  private readonly pages = new Map<string, Page>();
  private owedCount = 0;
  private lastSeenAt = 0;

  open(vehicleId: string): void {
    this.pages.set(vehicleId, { owed: new Set(), early: new Set(), settled: new Set(), seen: 0 });
  }

  /** The service said that this vehicle's fix of this time is stored, now or at an earlier try. */
  stored(vehicleId: string, timeMs: number): void {
    const page = this.pages.get(vehicleId);
    if (page === undefined || page.settled.has(timeMs) || page.owed.has(timeMs)) return;
    if (page.early.delete(timeMs)) this.settle(page, timeMs);
    else {
      page.owed.add(timeMs);
      this.owedCount += 1;
    }
  }

  /** The watcher got it; vehicles of others are not counted. */
  saw(vehicleId: string, timeMs: number): void {
    const page = this.pages.get(vehicleId);
    if (page === undefined) return;
    this.lastSeenAt = performance.now();
    if (page.owed.delete(timeMs)) {
      this.owedCount -= 1;
      this.settle(page, timeMs);
    } else if (!page.settled.has(timeMs)) page.early.add(timeMs);
  }

  /** Stored and seen. */
  seen(vehicleId: string): number {
    return this.pages.get(vehicleId)?.seen ?? 0;
  }

  /** Seen without having been acknowledged as stored: let out of quarantine later. */
  released(vehicleId: string): number {
    return this.pages.get(vehicleId)?.early.size ?? 0;
  }

  owed(vehicleId: string): number {
    return this.pages.get(vehicleId)?.owed.size ?? 0;
  }

  get totalOwed(): number {
    return this.owedCount;
  }

  /** On the clock of `performance.now()`. */
  get lastSeenAtMs(): number {
    return this.lastSeenAt;
  }

  private settle(page: Page, timeMs: number): void {
    page.seen += 1;
    page.settled.add(timeMs);
    if (page.settled.size <= REMEMBERED_PER_VEHICLE) return;
    for (const oldest of page.settled) {
      page.settled.delete(oldest);
      break;
    }
  }
}
