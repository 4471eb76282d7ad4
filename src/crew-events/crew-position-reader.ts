import { Injectable } from '@nestjs/common';
import { Clock, type HeldLock } from '../core/index.js';
import { CursorsRepository } from '../database/index.js';
import { PositionLogService, RECORDED_WITHIN_MS } from '../tracking/index.js';
import { CrewEventDetector } from './crew-event-detector.js';

const CURSOR = 'crew-events';
const PAGE_SIZE = 250;
/** Every poll reads the overlap again, so a longer interval costs less. Crews accept a delay of two seconds. */
const POLL_INTERVAL_MS = 2_000;
/** Share of the time that polls may take; the rest is left to devices at any load. */
const MAX_TIME_SHARE = 0.2;
/** Usual delay from a position's `recordedAt` until it is readable. */
const OVERLAP_MS = 2_000;
const CATCH_UP_EVERY_MS = 60_000;
const INITIAL_LOOKBACK_MS = 60_000;
/** Fill level (0…1) of the position queue above which polls pause in favour of devices. */
const BUSY_PRESSURE = 0.5;

/**
 * Reads the positions that any instance has stored and gives them to the detector. Each poll reads from just before the
 * newest position. Once a minute a catch-up reads from a stored cursor and finds what became readable late. The cursor
 * never passes a moment under which a position can still appear.
 */
@Injectable()
export class CrewPositionReader {
  private newestMs = -Infinity;
  private nextCatchUpMs = 0;

  constructor(
    private readonly positions: PositionLogService,
    private readonly cursors: CursorsRepository,
    private readonly detector: CrewEventDetector,
    private readonly clock: Clock,
  ) {}

  /** The next poll is a catch-up. */
  restart(): void {
    this.newestMs = -Infinity;
    this.nextCatchUpMs = 0;
  }

  /**
   * @returns the pause before the next poll, milliseconds
   * @throws storage's errors. The reader must be restarted then: the positions of this poll are in doubt
   */
  async poll(lock: HeldLock): Promise<number> {
    const beganMs = performance.now();
    if (this.positions.pressure < BUSY_PRESSURE) {
      const nowMs = this.clock.nowMs();
      lock.assertHeld();
      if (nowMs >= this.nextCatchUpMs) await this.catchUp(nowMs, lock);
      // Limited to this instance's time: another instance's clock may be ahead.
      else await this.read(Math.min(this.newestMs, nowMs) - OVERLAP_MS, lock);
      // A position that was being written at `nowMs` is not silence.
      await this.detector.detectOffline(nowMs - OVERLAP_MS);
      await this.detector.detectClocksBehind();
      await this.detector.save(false);
    }
    const tookMs = performance.now() - beganMs;
    return Math.max(POLL_INTERVAL_MS, tookMs / MAX_TIME_SHARE - tookMs);
  }

  private async catchUp(nowMs: number, lock: HeldLock): Promise<void> {
    const from = await this.cursors.getOrCreate(CURSOR, new Date(nowMs - INITIAL_LOOKBACK_MS));
    await this.read(from.getTime(), lock);
    await this.detector.save(true);
    await this.cursors.advance(CURSOR, new Date(nowMs - RECORDED_WITHIN_MS));
    this.newestMs = Math.max(this.newestMs, nowMs - CATCH_UP_EVERY_MS);
    this.nextCatchUpMs = nowMs + CATCH_UP_EVERY_MS;
  }

  private async read(fromMs: number, lock: HeldLock): Promise<void> {
    for await (const page of this.positions.since(fromMs, PAGE_SIZE)) {
      lock.assertHeld();
      this.newestMs = Math.max(this.newestMs, page.at(-1)?.recordedAtMs ?? -Infinity);
      await this.detector.detect(page.map(({ position }) => position));
    }
  }
}
