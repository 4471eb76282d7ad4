import { Injectable } from '@nestjs/common';
import { Clock, EventBus, type Position, withoutOriginalFields } from '../../core/index.js';
import { PositionLogService, RECORDED_WITHIN_MS } from '../../tracking/index.js';
import { AmbulanceDirectory } from './ambulance-directory.js';
import { CursorsRepository } from './cursors.repository.js';
import { Mirror } from './mirror.js';
import { TrackingCollectionsRepository } from './tracking-collections.repository.js';

const PAGE = 1_000;

/** Positions, into `ambulance_trackings` and `ambulance_tracking_histories`. */
@Injectable()
export class TrackingMirror extends Mirror<Position> {
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
      settlesWithinMs: RECORDED_WITHIN_MS,
      since: (fromMs: number) => positionsSince(log, fromMs),
      async write(positions: readonly Position[]): Promise<number> {
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
      this.offer(recorded.map(({ position }) => withoutOriginalFields(position))),
    );
  }
}

async function* positionsSince(
  log: PositionLogService,
  fromMs: number,
): AsyncGenerator<readonly Position[], void, undefined> {
  for await (const page of log.since(fromMs, PAGE)) yield page.map(({ position }) => position);
}
