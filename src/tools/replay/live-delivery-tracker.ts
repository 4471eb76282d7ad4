/** Stored fixes against those that a watcher received: what is stored and not seen is missing. */

/** Times remembered after both sides had them, so that a repeat opens no new debt. */
const REMEMBERED_PER_VEHICLE = 10_000;

interface VehicleDeliveries {
  /** Stored, not yet seen. */
  readonly missing: Set<number>;
  /** Seen before its acknowledgement came, or never acknowledged as stored: a release from quarantine. */
  readonly unacknowledged: Set<number>;
  readonly matched: Set<number>;
  seen: number;
}

export class LiveDeliveryTracker {
  private readonly vehicles = new Map<string, VehicleDeliveries>();
  private missingCount = 0;
  private lastReceivedAt = 0;

  addVehicle(vehicleId: string): void {
    this.vehicles.set(vehicleId, {
      missing: new Set(),
      unacknowledged: new Set(),
      matched: new Set(),
      seen: 0,
    });
  }

  /** The service said that this vehicle's fix of this time is stored, now or at an earlier try. */
  stored(vehicleId: string, timeMs: number): void {
    const vehicle = this.vehicles.get(vehicleId);
    if (vehicle === undefined || vehicle.matched.has(timeMs) || vehicle.missing.has(timeMs)) return;
    if (vehicle.unacknowledged.delete(timeMs)) this.match(vehicle, timeMs);
    else {
      vehicle.missing.add(timeMs);
      this.missingCount += 1;
    }
  }

  /** The watcher got it; vehicles of others are not counted. */
  received(vehicleId: string, timeMs: number): void {
    const vehicle = this.vehicles.get(vehicleId);
    if (vehicle === undefined) return;
    this.lastReceivedAt = performance.now();
    if (vehicle.missing.delete(timeMs)) {
      this.missingCount -= 1;
      this.match(vehicle, timeMs);
    } else if (!vehicle.matched.has(timeMs)) vehicle.unacknowledged.add(timeMs);
  }

  /** Stored and seen. */
  seen(vehicleId: string): number {
    return this.vehicles.get(vehicleId)?.seen ?? 0;
  }

  /** Seen without having been acknowledged as stored: let out of quarantine later. */
  released(vehicleId: string): number {
    return this.vehicles.get(vehicleId)?.unacknowledged.size ?? 0;
  }

  missing(vehicleId: string): number {
    return this.vehicles.get(vehicleId)?.missing.size ?? 0;
  }

  get totalMissing(): number {
    return this.missingCount;
  }

  /** On the clock of `performance.now()`. */
  get lastReceivedAtMs(): number {
    return this.lastReceivedAt;
  }

  private match(vehicle: VehicleDeliveries, timeMs: number): void {
    vehicle.seen += 1;
    vehicle.matched.add(timeMs);
    if (vehicle.matched.size <= REMEMBERED_PER_VEHICLE) return;
    for (const oldest of vehicle.matched) {
      vehicle.matched.delete(oldest);
      break;
    }
  }
}
