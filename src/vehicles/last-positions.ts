import { Injectable } from '@nestjs/common';
import type { PositionView } from '../core/index.js';

type LastPositionSource = (vehicleId: string) => PositionView | null;

/**
 * Gives a vehicle's last position to its views. `tracking` imports `vehicles`, so it sets the source of the positions
 * when it starts.
 */
@Injectable()
export class LastPositions {
  private source: LastPositionSource = () => null;

  setSource(source: LastPositionSource): void {
    this.source = source;
  }

  of(vehicleId: string): PositionView | null {
    return this.source(vehicleId);
  }
}
