const SLOTS = 60;
const SLOT_MS = 1_000;
/** Each class ends 10 % above the one before, so a percentile has an error of at most 5 %. */
const GROWTH = 1.1;
const SMALLEST_MS = 0.05;
/** Covers durations up to about three minutes; requests end earlier. */
const CLASSES = 160;

interface Slot {
  second: number;
  count: number;
  sumMs: number;
  readonly classes: Uint32Array;
}

interface WindowSummary {
  readonly count: number;
  /** NaN for an empty window. */
  readonly meanMs: number;
  /** NaN for an empty window; error at most 5 %. */
  readonly p95Ms: number;
}

/** Durations of the last 60 seconds, for dashboards without a query language. Fixed memory, about 40 kB. */
export class SlidingWindowHistogram {
  private readonly slots = Array.from({ length: SLOTS }, (): Slot => ({
    second: -1,
    count: 0,
    sumMs: 0,
    classes: new Uint32Array(CLASSES),
  }));

  /** @param nowMs a monotonic clock, milliseconds */
  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  add(durationMs: number): void {
    const slot = this.slotNow();
    const index = classOf(durationMs);
    slot.count += 1;
    slot.sumMs += durationMs;
    slot.classes[index] = (slot.classes[index] ?? 0) + 1;
  }

  summary(): WindowSummary {
    const second = this.second();
    const fresh = this.slots.filter((slot) => slot.second > second - SLOTS);
    const count = fresh.reduce((sum, slot) => sum + slot.count, 0);
    if (count === 0) return { count, meanMs: NaN, p95Ms: NaN };
    const meanMs = fresh.reduce((sum, slot) => sum + slot.sumMs, 0) / count;
    let above = count * 0.95;
    for (let index = 0; index < CLASSES; index += 1) {
      for (const { classes } of fresh) above -= classes[index] ?? 0;
      if (above <= 0) return { count, meanMs, p95Ms: middleOf(index) };
    }
    return { count, meanMs, p95Ms: middleOf(CLASSES - 1) };
  }

  private second(): number {
    return Math.floor(this.nowMs() / SLOT_MS);
  }

  private slotNow(): Slot {
    const second = this.second();
    const slot = this.slots[second % SLOTS] as Slot;
    if (slot.second !== second) {
      slot.second = second;
      slot.count = 0;
      slot.sumMs = 0;
      slot.classes.fill(0);
    }
    return slot;
  }
}

function classOf(durationMs: number): number {
  if (durationMs <= SMALLEST_MS) return 0;
  return Math.min(CLASSES - 1, Math.ceil(Math.log(durationMs / SMALLEST_MS) / Math.log(GROWTH)));
}

function middleOf(index: number): number {
  return SMALLEST_MS * GROWTH ** (index - 0.5);
}
