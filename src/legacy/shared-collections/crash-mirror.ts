import { Injectable } from '@nestjs/common';
import { Clock, EventBus } from '../../core/index.js';
import { type Crash, CrashesService } from '../../crashes/index.js';
import { AmbulanceDirectory } from './ambulance-directory.js';
import { CrashCollectionRepository } from './crash-collection.repository.js';
import { CursorsRepository } from './cursors.repository.js';
import { Mirror } from './mirror.js';

/** From a crash's arrival to storage; the rest is for the clocks of several instances. */
const SETTLES_WITHIN_MS = 150_000;

/** Crash reports, into `ambulance_crashes`. */
@Injectable()
export class CrashMirror extends Mirror<Crash> {
  constructor(
    private readonly events: EventBus,
    crashes: CrashesService,
    directory: AmbulanceDirectory,
    collection: CrashCollectionRepository,
    cursors: CursorsRepository,
    clock: Clock,
  ) {
    const source = {
      name: 'crashes',
      settlesWithinMs: SETTLES_WITHIN_MS,
      since: (fromMs: number) => crashes.pagesSince(new Date(fromMs)),
      async write(reports: readonly Crash[]): Promise<number> {
        const ids = await directory.resolve(reports.map(({ vehicleId }) => vehicleId));
        return collection.upsert(
          reports.flatMap((crash) => {
            const ambulanceId = ids.get(crash.vehicleId);
            return ambulanceId === undefined ? [] : [{ ambulanceId, crash }];
          }),
        );
      },
    };
    super(source, cursors, clock);
  }

  override start(): void {
    super.start();
    this.events.subscribe('crash.recorded', ({ crash }) => this.offer([crash]));
  }
}
