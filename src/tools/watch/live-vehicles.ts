import type { StreamedItem } from '../client/index.js';

type Position = StreamedItem['position'];

export interface LiveVehicle {
  readonly vehicleId: string;
  position: Position;
  /** Fixes received since the start, without the snapshot. */
  fixes: number;
  /** The last fix received is older than an earlier one. */
  isLate: boolean;
}

/** The current state of each vehicle: the content of the table without its layout. */
export class LiveVehicles {
  private readonly rows = new Map<string, LiveVehicle>();
  private fixCount = 0;
  private lateCount = 0;
  private readonly seenIds = new Set<string>();

  /** Removes the vehicles that are not in the snapshot: they left the box or the service. */
  applySnapshot(snapshot: readonly { readonly vehicleId: string; readonly position: Position }[]): void {
    const present = new Set(snapshot.map(({ vehicleId }) => vehicleId));
    for (const id of this.rows.keys()) if (!present.has(id)) this.rows.delete(id);
    for (const { vehicleId, position } of snapshot) this.place(vehicleId, position);
  }

  add({ vehicleId, position, late }: StreamedItem): void {
    const row = this.place(vehicleId, position);
    row.fixes += 1;
    row.isLate = late;
    this.fixCount += 1;
    if (late) this.lateCount += 1;
    this.seenIds.add(vehicleId);
  }

  remove(vehicleId: string): void {
    this.rows.delete(vehicleId);
  }

  all(): LiveVehicle[] {
    return [...this.rows.values()];
  }

  get totals(): { readonly vehicles: number; readonly fixes: number; readonly late: number } {
    return { vehicles: this.seenIds.size, fixes: this.fixCount, late: this.lateCount };
  }

  private place(vehicleId: string, position: Position): LiveVehicle {
    const row = this.rows.get(vehicleId);
    if (row === undefined) {
      const made: LiveVehicle = { vehicleId, position, fixes: 0, isLate: false };
      this.rows.set(vehicleId, made);
      return made;
    }
    if (orderOf(position) >= orderOf(row.position)) row.position = position;
    return row;
  }
}

/** The order that the service uses, too: a device clock that runs ahead must not freeze the vehicle's position. */
function orderOf({ time, receivedAt }: Position): number {
  return Math.min(Date.parse(time), Date.parse(receivedAt));
}
