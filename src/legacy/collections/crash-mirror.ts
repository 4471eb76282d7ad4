import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/index.js';
import { AmbulanceDirectory } from './ambulance-directory.js';
import { CrashCollection, type SharedCrash } from './crash-collection.repository.js';
import { CursorsRepository } from './cursors.repository.js';
import { Mirror } from './mirror.js';

/** From a crash's arrival to storage; the rest is for the clocks of several instances. */
const SETTLES_WITHIN_MS = 150_000;

/** Durable crash reports that arrived at a moment or later, by any instance, in pages. */
export type CrashLog = (fromMs: number) => AsyncIterable<readonly SharedCrash[]>;

/**
 * Crash reports, into `ambulance_crashes`. Whoever keeps them gives the way to read them (`follow`, from `onModuleInit`),
 * and offers each one when it is durable.
 */
@Injectable()
export class CrashMirror extends Mirror<SharedCrash> {
  private log: CrashLog | null = null;

  constructor(
    directory: AmbulanceDirectory,
    collection: CrashCollection,
    cursors: CursorsRepository,
    clock: Clock,
  ) {
    const stored: CrashLog = (fromMs) => this.since(fromMs);
    const source = {
      name: 'crashes',
      settlesWithinMs: SETTLES_WITHIN_MS,
      since: stored,
      async write(crashes: readonly SharedCrash[]): Promise<number> {
        const ids = await directory.resolve(crashes.map(({ vehicleId }) => vehicleId));
        return collection.keep(
          crashes.flatMap((crash) => {
            const ambulanceId = ids.get(crash.vehicleId);
            return ambulanceId === undefined ? [] : [{ ambulanceId, crash }];
          }),
        );
      },
    };
    super(source, cursors, clock);
  }

  /** Where those are read that nobody offered. */
  follow(log: CrashLog): void {
    this.log = log;
  }

  private async *since(fromMs: number): AsyncGenerator<readonly SharedCrash[], void, undefined> {
    if (this.log) yield* this.log(fromMs);
  }
}
