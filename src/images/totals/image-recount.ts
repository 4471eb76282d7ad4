import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { BackgroundJobs, Clock, pacedStep } from '../../core/index.js';
import { DatabaseConnection } from '../../database/index.js';
import { VehiclesService } from '../../vehicles/index.js';
import { ImagesRepository } from '../images.repository.js';
import { dayOfImageId, firstImageIdAt } from '../volume/volume-layout.js';
import {
  type Amount,
  type DayTotal,
  ImageTotalsRepository,
  NO_VEHICLE,
  NOTHING,
  plus,
} from './image-totals.repository.js';

const INTERVAL_MS = 600_000;
const STEP_SIZE = 2_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The id of an image has the time at which its upload began; an upload takes minutes. */
const SETTLED_MS = HOUR_MS;
/** A day that changes is counted once a day. */
const STALE_MS = 20 * HOUR_MS;
/** Every total is counted again after this time, whatever happened to it. */
const MAX_AGE_MS = 30 * DAY_MS;

/**
 * Counts the records of images and repairs the totals: of a day that is over, of a day that has changed since the last
 * count, and of every day once in 30 days. It also counts the images that were stored before the totals existed. It works
 * in small steps with pauses, on one instance for all.
 */
@Injectable()
export class ImageRecount implements OnApplicationBootstrap {
  private readonly logger = new Logger(ImageRecount.name);

  constructor(
    private readonly images: ImagesRepository,
    private readonly totals: ImageTotalsRepository,
    private readonly vehicles: VehiclesService,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'image-recount',
      intervalMs: INTERVAL_MS,
      lock: {},
      startsAfter: () => this.database.whenStarted(),
      run: async (signal) => void (await this.run(signal)),
    });
  }

  /** @returns the number of totals that were wrong @throws storage/unavailable */
  async run(signal?: AbortSignal): Promise<number> {
    let repaired = 0;
    for (const vehicleId of [...(await this.vehicles.listIdsIncludingArchived()), NO_VEHICLE]) {
      if (signal?.aborted) break;
      repaired += await this.countVehicle(vehicleId, signal);
    }
    if (repaired > 0) this.logger.log({ repaired }, 'totals of images repaired');
    return repaired;
  }

  private async countVehicle(vehicleId: string, signal?: AbortSignal): Promise<number> {
    const nowMs = this.clock.nowMs();
    const known = new Map((await this.totals.daysOf(vehicleId)).map((each) => [each.day, each]));
    const allCountedAt = await this.totals.findAllCountedAt(vehicleId);
    const isComplete = allCountedAt !== null && nowMs - allCountedAt.getTime() < MAX_AGE_MS;
    const days = isComplete ? [...known.keys()] : await this.allDays(vehicleId, known, signal);
    let repaired = 0;
    for (const day of days) {
      if (signal?.aborted) return repaired;
      const seen = known.get(day) ?? null;
      if (isDue(day, seen, nowMs) && (await this.countDay(vehicleId, day, seen, signal))) repaired += 1;
    }
    if (!isComplete && !signal?.aborted) await this.totals.setAllCountedAt(vehicleId, new Date(nowMs));
    return repaired;
  }

  /** The days with an image or with a total. */
  private async allDays(
    vehicleId: string,
    known: ReadonlyMap<string, DayTotal>,
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    const days = new Set(known.keys());
    let afterId = firstImageIdAt(0);
    while (!signal?.aborted) {
      const id = await pacedStep(() => this.images.findNextId(ownerOf(vehicleId), afterId), signal);
      if (id === null) break;
      const day = dayOfImageId(id);
      days.add(day);
      afterId = firstImageIdAt(endOf(day));
    }
    return [...days].sort();
  }

  /** @returns true when the total was wrong and is right now */
  private async countDay(
    vehicleId: string,
    day: string,
    seen: Amount | null,
    signal?: AbortSignal,
  ): Promise<boolean> {
    let counted = NOTHING;
    const endId = firstImageIdAt(endOf(day));
    for (let afterId: string | null = firstImageIdAt(Date.parse(day)); afterId !== null;) {
      if (signal?.aborted) return false;
      const from: string = afterId;
      const step = await pacedStep(
        () => this.images.sumStep(ownerOf(vehicleId), from, endId, STEP_SIZE),
        signal,
      );
      counted = plus(counted, step.amount);
      afterId = step.lastId;
    }
    const isRight = seen?.count === counted.count && seen.bytes === counted.bytes;
    const isWritten = await this.totals.replace(
      { vehicleId, day },
      seen,
      counted,
      new Date(this.clock.nowMs()),
    );
    return isWritten && !isRight;
  }
}

function isDue(day: string, seen: DayTotal | null, nowMs: number): boolean {
  if (nowMs < endOf(day) + SETTLED_MS) return false;
  if (!seen?.countedAt) return true;
  const ageMs = nowMs - seen.countedAt.getTime();
  return ageMs > MAX_AGE_MS || (seen.isStale && ageMs > STALE_MS);
}

const endOf = (day: string): number => Date.parse(day) + DAY_MS;
const ownerOf = (vehicleId: string): string | null => (vehicleId === NO_VEHICLE ? null : vehicleId);
