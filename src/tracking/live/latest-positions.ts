import { Injectable } from '@nestjs/common';
import { markerTimeMs, type StoredPosition } from '../stored-position.js';

/** The latest-position board: where each vehicle is, in memory, for snapshots and lists. */
@Injectable()
export class LatestPositions {
  private readonly markers = new Map<string, StoredPosition>();
  private readonly removed = new Set<string>();

  /** Puts it on the board if it is the newest by min(time, receivedAt). */
  offer(position: StoredPosition): void {
    if (this.removed.has(position.vehicleId)) return;
    const marker = this.markers.get(position.vehicleId);
    if (!marker || markerTimeMs(position) >= markerTimeMs(marker)) {
      this.markers.set(position.vehicleId, position);
    }
  }

  of(vehicleId: string): StoredPosition | null {
    return this.markers.get(vehicleId) ?? null;
  }

  /** Takes a vehicle off for good: what was on its way when it was archived does not bring it back. */
  remove(vehicleId: string): void {
    this.removed.add(vehicleId);
    this.markers.delete(vehicleId);
  }

  all(): IterableIterator<StoredPosition> {
    return this.markers.values();
  }
}
