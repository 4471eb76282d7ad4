/** Matched times that are kept, so that a repeated event does not count as missing. */
const REMEMBERED_PER_VEHICLE = 10_000;

interface VehicleDeliveries {
  /** Stored and not received. */
  readonly missing: Set<number>;
  /** Received before the acknowledgement, or never acknowledged as stored: released from quarantine. */
  readonly unacknowledged: Set<number>;
  readonly matched: Set<number>;
  seen: number;
}

/** Compares stored fixes with those that the live stream delivered. A stored fix that was not received is missing. */
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

  /** The service acknowledged the fix as stored, at this or an earlier try. */
  stored(vehicleId: string, timeMs: number): void {
    const vehicle = this.vehicles.get(vehicleId);
    if (vehicle === undefined || vehicle.matched.has(timeMs) || vehicle.missing.has(timeMs)) return;
    if (vehicle.unacknowledged.delete(timeMs)) this.match(vehicle, timeMs);
    else {
      vehicle.missing.add(timeMs);
      this.missingCount += 1;
    }
  }

  /** The live stream delivered the fix. Vehicles that are not part of the run are ignored. */
  received(vehicleId: string, timeMs: number): void {
    const vehicle = this.vehicles.get(vehicleId);
    if (vehicle === undefined) return;
    this.lastReceivedAt = performance.now();
    if (vehicle.missing.delete(timeMs)) {
      this.missingCount -= 1;
      this.match(vehicle, timeMs);
    } else if (!vehicle.matched.has(timeMs)) vehicle.unacknowledged.add(timeMs);
  }

  /** Number of fixes stored and received. */
  seen(vehicleId: string): number {
    return this.vehicles.get(vehicleId)?.seen ?? 0;
  }

  /** Number of fixes received but not acknowledged as stored: released from quarantine. */
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
