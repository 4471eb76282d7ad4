const SLOTS = 60;
const SLOT_MS = 1_000;
/** Each class of durations ends 10 % above the one before: what is read back is at most 5 % off. */
const GROWTH = 1.1;
const SMALLEST_MS = 0.05;
/** Up to about three minutes; no request lives longer. */
const CLASSES = 160;

interface Slot {
  second: number;
  count: number;
  sumMs: number;
  readonly classes: Uint32Array;
}

export interface WindowSummary {
  readonly count: number;
  /** NaN when there was nothing. */
  readonly meanMs: number;
  /** NaN when there was nothing; at most 5 % off. */
  readonly p95Ms: number;
}

/** Durations of the last 60 seconds, for people who read a figure and no query language. Fixed memory, about 40 kB. */
export class SlidingWindowHistogram {
  private readonly slots = Array.from({ length: SLOTS }, (): Slot => ({
    second: -1,
    count: 0,
    sumMs: 0,
    classes: new Uint32Array(CLASSES),
  }));

  /** @param nowMs of a clock that nobody sets */
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
