/** A place among the requests that are read at the same time. */
export interface Slot {
  /** The slot was given to another caller. */
  readonly isCut: boolean;
  release(): void;
}

interface OpenSlot extends Slot {
  readonly key: string;
  readonly openedMs: number;
  readonly cut: () => void;
  isCut: boolean;
}

/**
 * Bounds the requests that are read at the same time. One caller can have all slots while no other needs one. When all
 * are taken, a new request cuts the oldest one of the caller with most slots, if that caller has at least two more than
 * its own; otherwise the oldest of all, if it is older than `safeMs`: a client that sends slowly on purpose has the
 * oldest.
 */
export class FairSlots {
  /** In the order of opening. */
  private readonly slots = new Set<OpenSlot>();
  private readonly countByKey = new Map<string, number>();

  constructor(
    private readonly maxSlots: number,
    private readonly safeMs: number,
  ) {}

  /**
   * @param key of the caller: its network, account or vehicle
   * @param nowMs epoch milliseconds
   * @param cut ends the request; called at most once
   * @returns null when all slots are taken and none is to be cut
   */
  open(key: string, nowMs: number, cut: () => void): Slot | null {
    if (this.slots.size >= this.maxSlots) {
      const victim = this.victimOf(key, nowMs);
      if (!victim) return null;
      victim.isCut = true;
      this.release(victim);
      victim.cut();
    }
    const slot: OpenSlot = { key, openedMs: nowMs, cut, isCut: false, release: () => this.release(slot) };
    this.slots.add(slot);
    this.countByKey.set(key, this.countOf(key) + 1);
    return slot;
  }

  private victimOf(key: string, nowMs: number): OpenSlot | null {
    let largest = key;
    for (const [each, count] of this.countByKey) if (count > this.countOf(largest)) largest = each;
    if (this.countOf(largest) > this.countOf(key) + 1) {
      for (const slot of this.slots) if (slot.key === largest) return slot;
    }
    const [oldest] = this.slots;
    return oldest && nowMs - oldest.openedMs > this.safeMs ? oldest : null;
  }

  private release(slot: OpenSlot): void {
    if (!this.slots.delete(slot)) return;
    const count = this.countOf(slot.key) - 1;
    if (count > 0) this.countByKey.set(slot.key, count);
    else this.countByKey.delete(slot.key);
  }

  private countOf(key: string): number {
    return this.countByKey.get(key) ?? 0;
  }
}
