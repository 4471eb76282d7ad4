import type { CrashDto } from '../../crashes/index.js';
import type { CrewEventView } from '../../crew-events/index.js';
import type { VehicleChange, VehicleView } from '../../vehicles/index.js';
import type { SubscriptionFilter, Place } from './subscription-filter.js';
import type { LiveFrame, ResyncNotice } from '../socket-events.js';

export type LiveFrameItem = LiveFrame['items'][number];

/** One socket, as a stream sees it. */
export interface Subscriber {
  readonly id: string;
  positions(frame: LiveFrame): void;
  vehicle(vehicle: VehicleView, cursor: string): void;
  crash(crash: CrashDto, cursor: string): void;
  crew(event: CrewEventView, cursor: string): void;
  left(vehicleId: string): void;
  /** The stream ends here; the client watches anew. */
  resync(reason: ResyncReason): void;
  /** Messages that its connection has not taken yet. */
  readonly unsent: number;
}

export type ResyncReason = ResyncNotice['reason'];

/** About 8 s of frames that a connection did not take: it is told, and nothing more is kept for it. */
const MAX_UNSENT = 32;
/** Held while a replay runs. */
const MAX_BEHIND = 20_000;

/**
 * What one subscriber gets. While a replay runs, what is new waits behind it; a subscriber that does not keep up is told once
 * and let go, so that nothing of it stays in memory.
 */
export class LiveStream {
  /** Between a replay and being live is one frame: it brings what waited, and an end to who only passed through. */
  private phase: 'replaying' | 'joining' | 'live';
  private behind: LiveFrameItem[] = [];
  private hasEnded = false;

  constructor(
    readonly subscriber: Subscriber,
    readonly filter: SubscriptionFilter,
    isReplaying: boolean,
    /** How much of the frame in the making its snapshot holds already. */
    private skipCount: number,
  ) {
    this.phase = isReplaying ? 'replaying' : 'live';
  }

  get isOver(): boolean {
    return this.hasEnded;
  }

  /** The items of one frame, in the order of recording. */
  pushFrame(frame: readonly LiveFrameItem[], cursor: string): void {
    if (this.hasEnded) return;
    const unseen = this.skipCount === 0 ? frame : frame.slice(this.skipCount);
    this.skipCount = 0;
    const wanted = unseen.filter(({ vehicleId, position }) => this.filter.wants(vehicleId, position));
    if (this.phase !== 'replaying') this.send([...this.takeBehind(), ...wanted], cursor);
    else if (this.behind.length + wanted.length > MAX_BEHIND) this.end('slow');
    else for (const item of wanted) this.behind.push(item);
  }

  /**
   * Tells who has left, after the frame that shows it. Not during a replay, which shows where they were before.
   * @param vehicleIds of the frame
   * @param placeOf where a vehicle is now; null: nowhere any more
   */
  sendLeftNotices(vehicleIds: Iterable<string>, placeOf: (vehicleId: string) => Place | null): void {
    if (this.hasEnded || this.phase === 'replaying') return;
    const followed = this.phase === 'joining' ? new Set([...this.filter.inside, ...vehicleIds]) : vehicleIds;
    this.phase = 'live';
    for (const vehicleId of followed) {
      if (this.filter.updateAndCheckLeft(vehicleId, placeOf(vehicleId))) this.subscriber.left(vehicleId);
    }
  }

  /** Something about a vehicle has changed. */
  sendVehicleChange({ vehicle, isArchived }: VehicleChange, cursor: string): void {
    if (this.hasEnded || !this.filter.concerns(vehicle.id)) return;
    if (isArchived) return this.sendLeft(vehicle.id);
    if (this.subscriber.unsent >= MAX_UNSENT) this.end('slow');
    else this.subscriber.vehicle(vehicle, cursor);
  }

  /** Whoever may see the vehicle, or the place where it happened. */
  sendCrash(crash: CrashDto, cursor: string): void {
    if (this.hasEnded || !this.concerns(crash)) return;
    if (this.subscriber.unsent >= MAX_UNSENT) this.end('slow');
    else this.subscriber.crash(crash, cursor);
  }

  /** The same of what is noticed for crews. */
  sendCrewEvent(event: CrewEventView, cursor: string): void {
    if (this.hasEnded || !this.concerns(event)) return;
    if (this.subscriber.unsent >= MAX_UNSENT) this.end('slow');
    else this.subscriber.crew(event, cursor);
  }

  private concerns({ vehicleId, lat, lon }: CrashDto | CrewEventView): boolean {
    if (this.filter.concerns(vehicleId)) return true;
    return lat !== null && lon !== null && this.filter.wants(vehicleId, { lat, lon });
  }

  private sendLeft(vehicleId: string): void {
    this.filter.removeVehicle(vehicleId);
    this.subscriber.left(vehicleId);
  }

  replay(items: readonly LiveFrameItem[], cursor: string): void {
    const wanted = items.filter(({ vehicleId, position }) => this.filter.wants(vehicleId, position));
    this.send(wanted, cursor);
  }

  /** The replay has caught up: what waited goes out with the next frame, so that no two come at once. */
  goLive(): void {
    if (this.phase === 'replaying') this.phase = 'joining';
  }

  end(reason: ResyncReason): void {
    if (this.hasEnded) return;
    this.stop();
    this.subscriber.resync(reason);
  }

  /** Ends it without a word: the subscriber went, or has another stream now. */
  stop(): void {
    this.hasEnded = true;
    this.behind = [];
  }

  private send(items: readonly LiveFrameItem[], cursor: string): void {
    if (this.hasEnded || items.length === 0) return;
    if (this.subscriber.unsent >= MAX_UNSENT) this.end('slow');
    else {
      // A late one says nothing of where it is now.
      for (const { vehicleId, late } of items) if (!late) this.filter.markInside(vehicleId);
      this.subscriber.positions({ cursor, items });
    }
  }

  private takeBehind(): LiveFrameItem[] {
    const behind = this.behind;
    this.behind = [];
    return behind;
  }
}
