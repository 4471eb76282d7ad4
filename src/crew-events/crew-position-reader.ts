import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/index.js';
import type { DatabaseLock } from '../database/index.js';
import type { PositionLogService } from '../tracking/index.js';
import type { CursorsRepository } from '../legacy/shared-collections/index.js';
import type { CrewEventDetector } from './crew-event-detector.js';

const CURSOR = 'crew-events';
const PAGE = 250;
/** Every detect reads the overlap again: seldom costs less, and crews bear two seconds. */
const POLL_INTERVAL_MS = 2_000;
/** Of the time; the rest is for devices, however many positions there are. */
const MAX_TIME_SHARE = 0.2;
/** In storage so much after the moment that it is listed by, at the latest, when all is well. */
const OVERLAP_MS = 2_000;
/** And so much when it is not: a write whose fate is unknown is given up after two minutes. */
const SETTLES_WITHIN_MS = 150_000;
const CATCH_UP_EVERY_MS = 60_000;
/** Before the very first start. */
const INITIAL_LOOKBACK_MS = 60_000;
/** Of the queue before storage: above it, devices come first. */
const BUSY_PRESSURE = 0.5;

export interface CrewPositionReaderDependencies {
  readonly log: PositionLogService;
  readonly cursors: CursorsRepository;
  readonly clock: Clock;
}

/**
 * Reads what any instance has stored, a moment behind it and never in its way. What turns up late is found again every
 * so often, from a cursor that never passes a moment that something may still be stored under.
 */
export class CrewPositionReader {
  private newestMs = -Infinity;
  private nextCatchUpMs = 0;

  constructor(
    private readonly lease: DatabaseLock,
    private readonly detector: CrewEventDetector,
    private readonly parts: CrewPositionReaderDependencies,
  ) {}

  /** Until the signal. @throws when it cannot go on: what was not kept is found again by whoever is next */
  async run(signal: AbortSignal): Promise<void> {
    const { log, clock } = this.parts;
    while (!signal.aborted) {
      const beganMs = performance.now();
      if (log.pressure < BUSY_PRESSURE) {
        const nowMs = clock.nowMs();
        this.lease.assertHeld();
        // Not past our own time: another instance's clock may be ahead.
        if (nowMs >= this.nextCatchUpMs) await this.catchUp(nowMs);
        else await this.read(Math.min(this.newestMs, nowMs) - OVERLAP_MS);
        // A position that is being written just now is in storage by then.
        await this.detector.detectOffline(nowMs - OVERLAP_MS);
        await this.detector.save(false);
      }
      const tookMs = performance.now() - beganMs;
      const pauseMs = Math.max(POLL_INTERVAL_MS, tookMs / MAX_TIME_SHARE - tookMs);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async catchUp(nowMs: number): Promise<void> {
    const { cursors } = this.parts;
    const from = await cursors.getOrCreate(CURSOR, new Date(nowMs - INITIAL_LOOKBACK_MS));
    await this.read(from.getTime());
    await this.detector.save(true);
    await cursors.advance(CURSOR, new Date(nowMs - SETTLES_WITHIN_MS));
    this.newestMs = Math.max(this.newestMs, nowMs - CATCH_UP_EVERY_MS);
    this.nextCatchUpMs = nowMs + CATCH_UP_EVERY_MS;
  }

  private async read(fromMs: number): Promise<void> {
    for await (const page of this.parts.log.since(fromMs, PAGE)) {
      this.lease.assertHeld();
      this.newestMs = Math.max(this.newestMs, page.at(-1)?.recordedAtMs ?? -Infinity);
      await this.detector.detect(page.map(({ position }) => position));
    }
  }
}
