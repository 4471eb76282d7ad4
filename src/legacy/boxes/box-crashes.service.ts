import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/index.js';
import { CrashesService } from '../../crashes/index.js';
import { LegacyMetrics } from '../legacy-metrics.js';
import { crashFrame, crashNotifyFrame } from '../panels/panel-frames.js';
import { crashNotifyRoom } from '../panels/panel-rooms.js';
import { PanelsService } from '../panels/panels.service.js';
import { BoxDirectory } from './box-directory.js';
import type { LegacyFields } from './legacy-fields.js';
import { boxCodeIn, numberIn } from './legacy-values.js';

const MAX_SPEED_MPS = 1_000;

/** Crash reports of old boxes. */
@Injectable()
export class BoxCrashesService {
  constructor(
    private readonly boxes: BoxDirectory,
    private readonly crashes: CrashesService,
    private readonly panels: PanelsService,
    private readonly metrics: LegacyMetrics,
    private readonly clock: Clock,
  ) {}

  /**
   * Resolves when it is durable. What is wrong with its place, speed or heading costs that and not the crash.
   * @returns false: no vehicle has this box
   * @throws storage/unavailable
   */
  async ingest(fields: LegacyFields): Promise<boolean> {
    const vehicleId = await this.boxes.find(boxCodeIn(fields));
    if (vehicleId === null) return false;
    const lat = within(fields['tracking_latitude'], -90, 90);
    const lon = within(fields['tracking_longitude'], -180, 180);
    const hasPlace = lat !== null && lon !== null;
    const { id } = await this.crashes.record({
      vehicleId,
      reportedAt: new Date(this.clock.nowMs()),
      lat: hasPlace ? lat : null,
      lon: hasPlace ? lon : null,
      speedMps: within(fields['tracking_speed'], 0, MAX_SPEED_MPS),
      headingDeg: within(fields['tracking_heading'], 0, 360),
    });
    this.panels.broadcast(crashNotifyRoom(vehicleId), crashNotifyFrame(id));
    this.panels.broadcast('crash', crashFrame(fields));
    this.metrics.post('crash', 'taken');
    return true;
  }
}

function within(value: unknown, min: number, max: number): number | null {
  const number = numberIn(value);
  return number !== null && number >= min && number <= max ? number : null;
}
