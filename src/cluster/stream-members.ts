import type { StreamEntry } from './stream-entry.js';

/**
 * Without an entry for this long, an instance counts as lost; each sends one a second. A wrong guess costs a read of storage
 * each second until the next entry, and one `resync`.
 */
const SILENT_MS = 3_500;

/** What counts of an entry here. */
export type EntryHeader = Pick<StreamEntry, 'instance' | 'sequence' | 'publishedUpToMs' | 'isLast'>;

interface Member {
  sequence: number;
  publishedUpToMs: number;
  /** Monotonic time of this process, milliseconds. */
  seenAtMs: number;
}

/**
 * The other instances that write to the stream, as one reader sees them: who is alive, whether an entry is missing, and up
 * to which time everything has arrived.
 */
export class StreamMembers {
  private readonly members = new Map<string, Member>();
  /** Lost instances that may still run and write to storage, with the time up to which their events have arrived. */
  private readonly lost = new Map<string, number>();

  /**
   * A new reader starts in the middle of the entries of the others.
   * @param settledAtMs from this time on, an instance seen for the first time must begin with its first entry; monotonic
   */
  constructor(private readonly settledAtMs: number) {}

  /** Ids of the instances whose entries arrive. */
  get ids(): ReadonlySet<string> {
    return new Set(this.members.keys());
  }

  has(id: string): boolean {
    return this.members.has(id);
  }

  get hasLost(): boolean {
    return this.lost.size > 0;
  }

  /**
   * Everything that the other instances recorded before this time has arrived, epoch milliseconds; Infinity without other
   * instances.
   */
  get publishedUpToMs(): number {
    let upToMs = Infinity;
    for (const member of this.members.values()) upToMs = Math.min(upToMs, member.publishedUpToMs);
    for (const lostUpToMs of this.lost.values()) upToMs = Math.min(upToMs, lostUpToMs);
    return upToMs;
  }

  /**
   * Call it for each entry of another instance.
   * @param nowMs monotonic
   * @returns false when an entry before it is missing
   */
  note({ instance, sequence, publishedUpToMs, isLast }: EntryHeader, nowMs: number): boolean {
    const known = this.members.get(instance);
    // A write that timed out can still arrive, over an earlier connection of the writer. Its hole was noticed.
    if (known && sequence <= known.sequence) return true;
    const isFirstSeen = !known && !this.lost.has(instance) && nowMs < this.settledAtMs;
    const isComplete = isFirstSeen || sequence === (known?.sequence ?? 0) + 1;
    this.lost.delete(instance);
    if (isLast) this.members.delete(instance);
    else this.members.set(instance, { sequence, publishedUpToMs, seenAtMs: nowMs });
    return isComplete;
  }

  /**
   * Moves the silent instances to the lost ones.
   * @param nowMs monotonic
   * @returns their ids
   */
  takeSilent(nowMs: number): readonly string[] {
    const silent = [...this.members].filter(([, { seenAtMs }]) => nowMs - seenAtMs > SILENT_MS);
    for (const [id, { publishedUpToMs }] of silent) {
      this.members.delete(id);
      this.lost.set(id, publishedUpToMs);
    }
    return silent.map(([id]) => id);
  }

  /** @param aliveIds the instances with a heartbeat in storage; a lost one without a heartbeat has ended */
  forgetEnded(aliveIds: ReadonlySet<string>): void {
    for (const id of this.lost.keys()) if (!aliveIds.has(id)) this.lost.delete(id);
  }
}
