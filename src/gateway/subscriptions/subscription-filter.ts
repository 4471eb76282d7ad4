import { createHash } from 'node:crypto';
import { type BoundingBox, isInside } from '../../core/index.js';

export interface Place {
  readonly lat: number;
  readonly lon: number;
}

/** The filter of one subscription: some vehicles or all, and a bounding box or none; both must match. */
export class SubscriptionFilter {
  private readonly insideIds = new Set<string>();

  constructor(
    private readonly vehicleIds: ReadonlySet<string> | null,
    readonly box: BoundingBox | null,
  ) {}

  /** The same for equal filters. A hash, because a filter can have 10,000 ids. */
  makeKey(): string {
    const text = JSON.stringify([this.vehicleIds && [...this.vehicleIds].sort(), this.box]);
    return createHash('sha256').update(text).digest('base64');
  }

  /** An equal filter, with no vehicle inside. */
  copy(): SubscriptionFilter {
    return new SubscriptionFilter(this.vehicleIds, this.box);
  }

  wants(vehicleId: string, place: Place): boolean {
    return this.includesVehicle(vehicleId) && (this.box === null || isInside(this.box, place));
  }

  /** True when changes of the vehicle match: with a box, only while the vehicle is inside. */
  concerns(vehicleId: string): boolean {
    return this.includesVehicle(vehicleId) && (this.box === null || this.insideIds.has(vehicleId));
  }

  /** Vehicles that were last sent to the subscriber inside the box; empty without a box. */
  get inside(): Iterable<string> {
    return this.insideIds;
  }

  /** The subscriber got a position of the vehicle inside the box. */
  markInside(vehicleId: string): void {
    if (this.box !== null) this.insideIds.add(vehicleId);
  }

  /**
   * @param place the current place of the vehicle; null when it has none
   * @returns true when it is outside the box and the subscriber has not got `left`
   */
  updateAndCheckLeft(vehicleId: string, place: Place | null): boolean {
    if (this.box === null || !this.includesVehicle(vehicleId)) return false;
    if (place === null || !isInside(this.box, place)) return this.insideIds.delete(vehicleId);
    this.insideIds.add(vehicleId);
    return false;
  }

  /** Call it for an archived vehicle. */
  removeVehicle(vehicleId: string): void {
    this.insideIds.delete(vehicleId);
  }

  /** Whether the subscription can get anything of the vehicle, inside the box or not. */
  includesVehicle(vehicleId: string): boolean {
    return this.vehicleIds?.has(vehicleId) ?? true;
  }
}
