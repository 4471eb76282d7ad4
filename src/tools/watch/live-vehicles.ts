/** What is known of each vehicle at this moment: the table's contents, without its looks. */
import type { StreamedItem } from '../client/index.js';

type Position = StreamedItem['position'];

export interface LiveVehicle {
  readonly vehicleId: string;
  position: Position;
  /** Fixes that came by since the start; the snapshot is none of them. */
  fixes: number;
  /** The last one to come by was older than one before it. */
  isLate: boolean;
}

export class LiveVehicles {
  private readonly rows = new Map<string, LiveVehicle>();
  private fixCount = 0;
  private lateCount = 0;
  private readonly seenIds = new Set<string>();

  /** Who is there now; whoever is not in it has left, or is out of service. */
  begin(snapshot: readonly { readonly vehicleId: string; readonly position: Position }[]): void {
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

/** As the service orders its own markers: a clock that runs ahead must not freeze one. */
function orderOf({ time, receivedAt }: Position): number {
  return Math.min(Date.parse(time), Date.parse(receivedAt));
}
