import { Injectable } from '@nestjs/common';
import { Clock, EventBus } from '../../core/index.js';
import { PositionLogService, type RecordedPosition, type StoredPosition } from '../../tracking/index.js';
import { AmbulanceDirectory } from './ambulance-directory.js';
import { CursorsRepository } from './cursors.repository.js';
import { Mirror } from './mirror.js';
import { TrackingCollectionsRepository } from './tracking-collections.repository.js';

/**
 * From `recordedAt` to storage: a write whose fate is unknown is given up after two minutes (`InDoubtWrites`);
 * the rest is for the clocks of several instances.
 */
const SETTLES_WITHIN_MS = 150_000;
const PAGE = 1_000;

/** Positions, into `ambulance_trackings` and `ambulance_tracking_histories`. */
@Injectable()
export class TrackingMirror extends Mirror<StoredPosition> {
  constructor(
    private readonly events: EventBus,
    log: PositionLogService,
    directory: AmbulanceDirectory,
    collections: TrackingCollectionsRepository,
    cursors: CursorsRepository,
    clock: Clock,
  ) {
    const source = {
      name: 'trackings',
      settlesWithinMs: SETTLES_WITHIN_MS,
      since: (fromMs: number) => positionsSince(log, fromMs),
      async write(positions: readonly StoredPosition[]): Promise<number> {
        const ids = await directory.resolve(positions.map(({ vehicleId }) => vehicleId));
        const entries = positions.flatMap((position) => {
          const ambulanceId = ids.get(position.vehicleId);
          return ambulanceId === undefined ? [] : [{ ambulanceId, position }];
        });
        const kept = await collections.upsertHistories(entries);
        return kept + (await collections.advance(entries));
      },
    };
    super(source, cursors, clock);
  }

  override start(): void {
    super.start();
    this.events.subscribe('position.recorded', (recorded) =>
      this.offer(recorded.map(({ position }) => position)),
    );
  }
}

async function* positionsSince(
  log: PositionLogService,
  fromMs: number,
): AsyncGenerator<readonly StoredPosition[], void, undefined> {
  for await (const page of log.since(fromMs, PAGE)) yield page.map(positionOf);
}

function positionOf({ position }: RecordedPosition): StoredPosition {
  return position;
}
