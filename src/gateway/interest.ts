import { type BoundingBox, isInside } from '../common/index.js';

export interface Place {
  readonly lat: number;
  readonly lon: number;
}

/** What one watcher wants to see: some vehicles or all, within a box or anywhere; both must hold. */
export class Interest {
  private readonly inside = new Set<string>();

  constructor(
    private readonly vehicleIds: ReadonlySet<string> | null,
    private readonly box: BoundingBox | null,
  ) {}

  wants(vehicleId: string, place: Place): boolean {
    return this.isOf(vehicleId) && (this.box === null || isInside(this.box, place));
  }

  /** Whether news of the vehicle itself concerns the watcher: with a box, only while it is inside. */
  concerns(vehicleId: string): boolean {
    return this.isOf(vehicleId) && (this.box === null || this.inside.has(vehicleId));
  }

  /** Follows where the vehicle is now. @returns true when it has just left the box */
  hasLeft(vehicleId: string, place: Place): boolean {
    if (this.box === null || !this.isOf(vehicleId)) return false;
    if (!isInside(this.box, place)) return this.inside.delete(vehicleId);
    this.inside.add(vehicleId);
    return false;
  }

  /** It is not in service any more. */
  forget(vehicleId: string): void {
    this.inside.delete(vehicleId);
  }

  private isOf(vehicleId: string): boolean {
    return this.vehicleIds?.has(vehicleId) ?? true;
  }
}
