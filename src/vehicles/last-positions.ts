import { Injectable } from '@nestjs/common';
import type { PositionView } from '../core/index.js';

export type LastPositionSource = (vehicleId: string) => PositionView | null;

/**
 * A vehicle shows its last position, but positions know vehicles and not the other way round: whoever keeps the
 * latest positions announces itself here.
 */
@Injectable()
export class LastPositions {
  private source: LastPositionSource = () => null;

  announce(source: LastPositionSource): void {
    this.source = source;
  }

  of(vehicleId: string): PositionView | null {
    return this.source(vehicleId);
  }
}
