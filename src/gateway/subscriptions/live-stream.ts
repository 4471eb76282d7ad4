import type { ResyncNotice } from '../socket-events.js';
import type { LiveEvent, LiveFrameItem, LiveMessage } from './live-event.js';
import type { Place, SubscriptionFilter } from './subscription-filter.js';

/** The receiver of a stream: one socket. */
export interface Subscriber {
  readonly id: string;
  /** The connection holds too many bytes that the client has not taken, or has held them for too long. */
  readonly isSlow: boolean;
  send(message: LiveMessage): void;
}

type ResyncReason = ResyncNotice['reason'];

/** Numbers of positions and events. */
interface FrameCounts {
  readonly positions: number;
  readonly events: number;
}

const NOTHING: FrameCounts = { positions: 0, events: 0 };

interface StreamStart {
  readonly isReplaying: boolean;
  /** What of the current frame happened before the snapshot; absent: the stream sends what its group sends. */
  readonly earlier?: FrameCounts;
  /** Positions that can wait for the end of the replay. */
  readonly replayLimit: number;
}

/**
 * The stream of one subscriber. It selects what the subscription includes and keeps no message. During a replay, new
 * positions wait in a buffer. A subscriber that is too slow gets one `resync`, and its stream ends, so that it uses no
 * more memory.
 */
export class LiveStream<S extends Subscriber = Subscriber> {
  /** `joining` is the one frame between replay and live: it sends the buffer and `left` for vehicles that passed through. */
  private phase: 'replaying' | 'joining' | 'live';
  private earlier: FrameCounts;
  private readonly replayLimit: number;
  private behind: LiveFrameItem[] = [];
  private hasEnded = false;

  constructor(
    readonly subscriber: S,
    readonly filter: SubscriptionFilter,
    { isReplaying, earlier = NOTHING, replayLimit }: StreamStart,
  ) {
    this.phase = isReplaying ? 'replaying' : 'live';
    this.earlier = earlier;
    this.replayLimit = replayLimit;
  }

  get isOver(): boolean {
    return this.hasEnded;
  }

  /** It has sent its first frame and replays nothing: from now on it sends what every stream with its filter sends. */
  get isSettled(): boolean {
    return this.phase === 'live' && this.earlier === NOTHING;
  }

  /** Called before a frame, not within one: the size of one frame does not make a subscriber slow. */
  endIfSlow(): void {
    if (!this.hasEnded && this.subscriber.isSlow) this.end('slow');
  }

  /**
   * @param frame the items of one frame, in the order of recording
   * @returns the items to send now; `frame` itself when these are all of it
   */
  takePositions(frame: readonly LiveFrameItem[]): readonly LiveFrameItem[] {
    if (this.hasEnded) return [];
    const wanted = this.wantedOf(this.earlier.positions === 0 ? frame : frame.slice(this.earlier.positions));
    if (this.phase === 'replaying') {
      if (this.behind.length + wanted.length > this.replayLimit) this.end('replay_limit');
      else for (const item of wanted) this.behind.push(item);
      return [];
    }
    const items = this.behind.length === 0 ? wanted : [...this.behind, ...wanted];
    this.behind = [];
    this.markInside(items);
    return items === wanted && wanted.length === frame.length ? frame : items;
  }

  /**
   * After `takePositions`, which shows the vehicles that are inside the box.
   * @param index of the event in its frame
   * @returns whether to send the event
   */
  takesEvent(event: LiveEvent, index: number): boolean {
    return !this.hasEnded && index >= this.earlier.events && this.includes(event);
  }

  /**
   * Ends the frame: sends `left` for vehicles that left the box. Not during a replay, which shows earlier places.
   * @param vehicleIds vehicles of the frame
   * @param placeOf the current place of a vehicle; null when it has none
   */
  sendLeftNotices(vehicleIds: Iterable<string>, placeOf: (vehicleId: string) => Place | null): void {
    this.earlier = NOTHING;
    if (this.hasEnded || this.phase === 'replaying') return;
    const followed = this.phase === 'joining' ? new Set([...this.filter.inside, ...vehicleIds]) : vehicleIds;
    this.phase = 'live';
    for (const vehicleId of followed) {
      if (this.filter.updateAndCheckLeft(vehicleId, placeOf(vehicleId)))
        this.subscriber.send(['left', { vehicleId }]);
    }
  }

  replayEvents(events: readonly LiveEvent[]): void {
    this.endIfSlow();
    if (this.hasEnded) return;
    for (const event of events) if (this.includes(event)) this.subscriber.send(event.message);
  }

  replayPositions(items: readonly LiveFrameItem[], cursor: string): void {
    this.endIfSlow();
    const wanted = this.wantedOf(items);
    if (this.hasEnded || wanted.length === 0) return;
    this.markInside(wanted);
    this.subscriber.send(['positions', { cursor, items: wanted }]);
  }

  /** Ends the replay. The buffer is sent with the next frame, so that two frames are not sent at once. */
  goLive(): void {
    if (this.phase === 'replaying') this.phase = 'joining';
  }

  end(reason: ResyncReason): void {
    if (this.hasEnded) return;
    this.stop();
    this.subscriber.send(['resync', { reason }]);
  }

  /** Ends the stream without a notice: the subscriber disconnected or has a new stream. */
  stop(): void {
    this.hasEnded = true;
    this.behind = [];
  }

  private wantedOf(items: readonly LiveFrameItem[]): LiveFrameItem[] {
    return items.filter(({ vehicleId, place }) => this.filter.wants(vehicleId, place));
  }

  private includes({ vehicleId, place, message }: LiveEvent): boolean {
    const isIncluded =
      this.filter.concerns(vehicleId) || (place !== null && this.filter.wants(vehicleId, place));
    if (message[0] === 'left') this.filter.removeVehicle(vehicleId);
    return isIncluded;
  }

  /** A late position does not show the current place. */
  private markInside(items: readonly LiveFrameItem[]): void {
    for (const { vehicleId, late } of items) if (!late) this.filter.markInside(vehicleId);
  }
}
