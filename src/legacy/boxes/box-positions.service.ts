import { Injectable } from '@nestjs/common';
import { PositionsService } from '../../tracking/index.js';
import { LegacyMetrics } from '../legacy-metrics.js';
import { PositionFramePublisher } from '../panels/position-frame-publisher.js';
import { ArrivalTimes } from './arrival-times.js';
import { BoxDirectory } from './box-directory.js';
import type { LegacyFields } from './legacy-fields.js';
import { boxCodeIn, measurementsIn } from './legacy-values.js';

/** Positions of old boxes, through the door that everybody's come through. */
@Injectable()
export class BoxPositionsService {
  constructor(
    private readonly boxes: BoxDirectory,
    private readonly arrivals: ArrivalTimes,
    private readonly positions: PositionsService,
    private readonly frames: PositionFramePublisher,
    private readonly metrics: LegacyMetrics,
  ) {}

  /**
   * Resolves when it is durable, or holds nothing that could be: a box without a fix reports all the same, and one that
   * is told of a failure would send that again and again.
   * @returns false: no vehicle has this box
   * @throws storage/unavailable, positions/overloaded
   */
  async ingest(fields: LegacyFields): Promise<boolean> {
    const vehicleId = await this.boxes.find(boxCodeIn(fields));
    if (vehicleId === null) return false;
    const timeMs = this.arrivals.next(vehicleId);
    const position = { ...measurementsIn(fields), time: new Date(timeMs).toISOString() };
    const forget = this.frames.expect(vehicleId, timeMs, fields);
    try {
      const { rejected } = await this.positions.report(vehicleId, [position], 'legacy');
      this.metrics.post('position', rejected > 0 ? 'unusable' : 'taken');
      return true;
    } finally {
      forget();
    }
  }
}
