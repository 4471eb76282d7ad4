import { type BoundingBox, isInside } from '../../core/index.js';

export interface Place {
  readonly lat: number;
  readonly lon: number;
}

/** What one subscriber wants to see: some vehicles or all, within a box or anywhere; both must hold. */
export class SubscriptionFilter {
  private readonly insideIds = new Set<string>();

  constructor(
    private readonly vehicleIds: ReadonlySet<string> | null,
    private readonly box: BoundingBox | null,
  ) {}

  wants(vehicleId: string, place: Place): boolean {
    return this.includesVehicle(vehicleId) && (this.box === null || isInside(this.box, place));
  }

  /** Whether news of the vehicle itself concerns the subscriber: with a box, only while it is inside. */
  concerns(vehicleId: string): boolean {
    return this.includesVehicle(vehicleId) && (this.box === null || this.insideIds.has(vehicleId));
  }

  /** Those that the subscriber has reason to take for inside; nobody without a box. */
  get inside(): Iterable<string> {
    return this.insideIds;
  }

  /** The subscriber was shown it at a place that it wants to see. */
  markInside(vehicleId: string): void {
    if (this.box !== null) this.insideIds.add(vehicleId);
  }

  /**
   * Follows where the vehicle is now; null: nowhere any more.
   * @returns true when it is outside the box, and the subscriber does not know that yet
   */
  updateAndCheckLeft(vehicleId: string, place: Place | null): boolean {
    if (this.box === null || !this.includesVehicle(vehicleId)) return false;
    if (place === null || !isInside(this.box, place)) return this.insideIds.delete(vehicleId);
    this.insideIds.add(vehicleId);
    return false;
  }

  /** It is not in service any more. */
  removeVehicle(vehicleId: string): void {
    this.insideIds.delete(vehicleId);
  }

  private includesVehicle(vehicleId: string): boolean {
    return this.vehicleIds?.has(vehicleId) ?? true;
  }
}
