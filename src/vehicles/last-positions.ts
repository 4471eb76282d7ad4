import { Injectable } from '@nestjs/common';
import type { PositionView } from '../core/index.js';

interface LastPositionSource {
  of(vehicleId: string): PositionView | null;
  /** The view as JSON; `null` without a position. */
  jsonOf(vehicleId: string): string;
}

/**
 * Gives a vehicle's last position to its views. `tracking` imports `vehicles`, so it sets the source of the positions
 * when it starts.
 */
@Injectable()
export class LastPositions {
  private source: LastPositionSource = { of: () => null, jsonOf: () => 'null' };

  setSource(source: LastPositionSource): void {
    this.source = source;
  }

  of(vehicleId: string): PositionView | null {
    return this.source.of(vehicleId);
  }

  /** The view as JSON; `null` without a position. */
  jsonOf(vehicleId: string): string {
    return this.source.jsonOf(vehicleId);
  }
}
