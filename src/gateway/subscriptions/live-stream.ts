import type { CrashDto } from '../../crashes/index.js';
import type { CrewEventView } from '../../crew-events/index.js';
import type { VehicleChange, VehicleView } from '../../vehicles/index.js';
import type { SubscriptionFilter, Place } from './subscription-filter.js';
import type { LiveFrame, ResyncNotice } from '../socket-events.js';

export type LiveFrameItem = LiveFrame['items'][number];

/** The receiver of a stream: one socket. */
export interface Subscriber {
  readonly id: string;
  positions(frame: LiveFrame): void;
  vehicle(vehicle: VehicleView, cursor: string): void;
  crash(crash: CrashDto, cursor: string): void;
  crew(event: CrewEventView, cursor: string): void;
  left(vehicleId: string): void;
  /** The stream has ended; the client sends `watch` again. */
  resync(reason: ResyncReason): void;
  /** Messages that the connection has not accepted yet. */
  readonly unsent: number;
}

type ResyncReason = ResyncNotice['reason'];

/** About 8 s of frames. A connection with more unsent messages gets `resync`, and nothing more is buffered for it. */
const MAX_UNSENT = 32;
/** Positions buffered during a replay. */
const MAX_BEHIND = 20_000;

/**
 * The stream of one subscriber. During a replay, new positions wait in a buffer. A subscriber that is too slow gets one
 * `resync`, and its stream ends, so that it uses no more memory.
 */
export class LiveStream {
  /** `joining` is the one frame between replay and live: it sends the buffer and `left` for vehicles that passed through. */
  private phase: 'replaying' | 'joining' | 'live';
  private behind: LiveFrameItem[] = [];
  private hasEnded = false;

  constructor(
    readonly subscriber: Subscriber,
    readonly filter: SubscriptionFilter,
    isReplaying: boolean,
    /** Positions of the current frame that the snapshot contains already. */
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
   * Sends `left` for vehicles that left the box, after the frame that shows it. Not during a replay, which shows earlier
   * places.
   * @param vehicleIds vehicles of the frame
   * @param placeOf the current place of a vehicle; null when it has none
   */
  sendLeftNotices(vehicleIds: Iterable<string>, placeOf: (vehicleId: string) => Place | null): void {
    if (this.hasEnded || this.phase === 'replaying') return;
    const followed = this.phase === 'joining' ? new Set([...this.filter.inside, ...vehicleIds]) : vehicleIds;
    this.phase = 'live';
    for (const vehicleId of followed) {
      if (this.filter.updateAndCheckLeft(vehicleId, placeOf(vehicleId))) this.subscriber.left(vehicleId);
    }
  }

  sendVehicleChange({ vehicle, isArchived }: VehicleChange, cursor: string): void {
    if (this.hasEnded || !this.filter.concerns(vehicle.id)) return;
    if (isArchived) return this.sendLeft(vehicle.id);
    if (this.subscriber.unsent >= MAX_UNSENT) this.end('slow');
    else this.subscriber.vehicle(vehicle, cursor);
  }

  /** Sends the crash if the subscription includes the vehicle or the place. */
  sendCrash(crash: CrashDto, cursor: string): void {
    if (this.hasEnded || !this.concerns(crash)) return;
    if (this.subscriber.unsent >= MAX_UNSENT) this.end('slow');
    else this.subscriber.crash(crash, cursor);
  }

  /** Sends the event if the subscription includes the vehicle or the place. */
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

  /** Ends the replay. The buffer is sent with the next frame, so that two frames are not sent at once. */
  goLive(): void {
    if (this.phase === 'replaying') this.phase = 'joining';
  }

  end(reason: ResyncReason): void {
    if (this.hasEnded) return;
    this.stop();
    this.subscriber.resync(reason);
  }

  /** Ends the stream without a notice: the subscriber disconnected or has a new stream. */
  stop(): void {
    this.hasEnded = true;
    this.behind = [];
  }

  private send(items: readonly LiveFrameItem[], cursor: string): void {
    if (this.hasEnded || items.length === 0) return;
    if (this.subscriber.unsent >= MAX_UNSENT) this.end('slow');
    else {
      // A late position does not show the current place.
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
