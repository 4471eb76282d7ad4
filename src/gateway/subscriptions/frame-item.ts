import type { PositionView, RecordedPosition } from '../../core/index.js';
import type { LatestPositions } from '../../tracking/index.js';
import type { LiveFrameItem } from './live-stream.js';
import type { Place } from './subscription-filter.js';

/** A position in the frames of all subscribers. Its JSON is made once. */
export class FrameItem implements LiveFrameItem {
  /** Some subscriber got it. */
  isDelivered = false;
  private text: string | null = null;

  constructor(
    private readonly recorded: RecordedPosition,
    private readonly latest: LatestPositions,
  ) {}

  get vehicleId(): string {
    return this.recorded.position.vehicleId;
  }

  get place(): Place {
    return this.recorded.position;
  }

  get position(): PositionView {
    return this.latest.view(this.recorded.position);
  }

  get late(): boolean {
    return this.recorded.late;
  }

  /** Epoch milliseconds. */
  get receivedAtMs(): number {
    return this.recorded.position.receivedAtMs;
  }

  get json(): string {
    this.text ??= `${this.latest.json(this.recorded.position).slice(0, -1)},"late":${this.late}}`;
    return this.text;
  }
}
