import { type Position, type RecordedPosition, withoutOriginalFields } from '../../core/index.js';
import type { LatestPositions } from '../../tracking/index.js';
import type { LiveFrameItem } from './live-event.js';
import type { Place } from './subscription-filter.js';

/** A position in the frames of all subscribers. Its JSON is made once. */
export class FrameItem implements LiveFrameItem {
  readonly late: boolean;
  /** Some subscriber got it. */
  isDelivered = false;
  private readonly source: Position;
  private text: string | null = null;

  constructor(
    { position, late }: RecordedPosition,
    private readonly latest: LatestPositions,
  ) {
    // An item can wait for the end of a replay.
    this.source = withoutOriginalFields(position);
    this.late = late;
  }

  get vehicleId(): string {
    return this.source.vehicleId;
  }

  get place(): Place {
    return this.source;
  }

  /** Epoch milliseconds. */
  get receivedAtMs(): number {
    return this.source.receivedAtMs;
  }

  get json(): string {
    this.text ??= `${this.latest.json(this.source).slice(0, -1)},"late":${this.late}}`;
    return this.text;
  }
}
