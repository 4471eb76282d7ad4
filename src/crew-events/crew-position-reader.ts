import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStream } from '../cluster/index.js';
import { Clock, EventBus, type HeldLock } from '../core/index.js';
import { CursorsRepository } from '../database/index.js';
import { PositionLogService, RECORDED_WITHIN_MS } from '../tracking/index.js';
import { CrewEventDetector } from './crew-event-detector.js';
import { type CrewPosition, crewPositionOf } from './crew-event-rules.js';

const CURSOR = 'crew-events';
const PAGE_SIZE = 250;
/** Every poll reads the overlap again, so a longer interval costs less. Crews accept a delay of two seconds. */
const POLL_INTERVAL_MS = 2_000;
const MIN_PAUSE_MS = 20;
/** Share of the time that polls may take; the rest is left to devices at any load. */
const MAX_TIME_SHARE = 0.2;
/** Usual delay from a position's `recordedAt` until it is readable. */
const OVERLAP_MS = 2_000;
const CATCH_UP_EVERY_MS = 60_000;
const INITIAL_LOOKBACK_MS = 60_000;
/** Fill level (0…1) of the position queue above which polls pause in favour of devices. */
const BUSY_PRESSURE = 0.5;
/** Collected positions that make the next poll due before its interval. */
const MANY_COLLECTED = 2_500;
/** Most positions that wait for the next poll, about 7 MB. When there are more, all are dropped and the next poll reads storage. */
const MAX_COLLECTED = 50_000;
/** When the oldest unpublished position is older than this, polls read storage, because the events are incomplete. */
const MAX_PUBLISH_LAG_MS = 10_000;

/**
 * Gives the positions that any instance has stored to the detector. While the events of every instance arrive here, the
 * positions are collected from them: to read them back would cost as much as to store them. Otherwise each poll reads storage
 * from just before the newest position, and once a minute a catch-up reads from a stored cursor and finds what became readable
 * late. A catch-up also precedes the collection. The cursor never passes a moment under which a position can still appear.
 */
@Injectable()
export class CrewPositionReader {
  private newestMs = -Infinity;
  private nextCatchUpMs = 0;
  /** Since the last poll; null while storage is read. */
  private collected: CrewPosition[] | null = null;
  private resolveMany: () => void = () => undefined;

  constructor(
    private readonly positions: PositionLogService,
    private readonly cursors: CursorsRepository,
    private readonly detector: CrewEventDetector,
    private readonly stream: EventStream,
    private readonly clock: Clock,
    events: EventBus,
  ) {
    events.subscribe('position.recorded', (recorded) => {
      if (this.collected === null) return;
      for (const { position } of recorded) this.collected.push(crewPositionOf(position));
      if (this.collected.length > MAX_COLLECTED) this.restart();
      else if (this.collected.length >= MANY_COLLECTED) this.resolveMany();
    });
    events.subscribe('cluster.events-missed', () => this.restart());
  }

  /** Ends the collection. The next poll is a catch-up. */
  restart(): void {
    this.collected = null;
    this.newestMs = -Infinity;
    this.nextCatchUpMs = 0;
  }

  /**
   * Polls, unless devices need the time, and resolves when the next poll is due: after the interval, or earlier when many
   * positions are collected. To drop them would cost more: storage is read from the stored cursor then.
   * @throws storage's errors. The reader must be restarted then: the positions of this poll are in doubt
   */
  async pollAndPause(lock: HeldLock, signal: AbortSignal): Promise<void> {
    if (this.positions.pressure >= BUSY_PRESSURE) return pause(POLL_INTERVAL_MS, signal);
    const beganMs = performance.now();
    await this.poll(lock);
    const tookMs = performance.now() - beganMs;
    const leastMs = Math.max(MIN_PAUSE_MS, tookMs / MAX_TIME_SHARE - tookMs);
    await pause(leastMs, signal);
    if (this.collected !== null && this.collected.length >= MANY_COLLECTED) return;
    const many = new Promise<void>((resolve) => (this.resolveMany = resolve));
    const end = new AbortController();
    await Promise.race([many, pause(POLL_INTERVAL_MS - leastMs, AbortSignal.any([signal, end.signal]))]);
    end.abort();
  }

  /** @throws as `pollAndPause` */
  async poll(lock: HeldLock): Promise<void> {
    const nowMs = this.clock.nowMs();
    lock.assertHeld();
    const canCollect = this.canCollect(nowMs);
    if (this.collected !== null && !canCollect) this.restart();
    if (this.collected !== null) await this.takeCollected(this.collected, nowMs, lock);
    else if (canCollect || nowMs >= this.nextCatchUpMs) await this.catchUp(nowMs, canCollect, lock);
    // Limited to this instance's time: another instance's clock may be ahead.
    else await this.read(Math.min(this.newestMs, nowMs) - OVERLAP_MS, lock);
    // A position that was being written at `nowMs` is not silence.
    await this.detector.detectOffline(nowMs - OVERLAP_MS);
    await this.detector.detectClocksBehind();
    await this.detector.save(false);
  }

  /** Every position that any instance has stored is published here. */
  private canCollect(nowMs: number): boolean {
    return this.stream.receivesFromAll && nowMs - this.positions.publishedUpToMs <= MAX_PUBLISH_LAG_MS;
  }

  private async takeCollected(
    collected: readonly CrewPosition[],
    nowMs: number,
    lock: HeldLock,
  ): Promise<void> {
    this.collected = [];
    for (let start = 0; start < collected.length; start += PAGE_SIZE) {
      lock.assertHeld();
      await this.detector.detect(collected.slice(start, start + PAGE_SIZE));
    }
    if (this.collected === null || nowMs < this.nextCatchUpMs) return;
    await this.detector.save(true);
    await this.cursors.advance(CURSOR, new Date(nowMs - RECORDED_WITHIN_MS));
    this.nextCatchUpMs = nowMs + CATCH_UP_EVERY_MS;
  }

  private async catchUp(nowMs: number, canCollect: boolean, lock: HeldLock): Promise<void> {
    // Before the read: nothing is published between the two unseen.
    if (canCollect) this.collected = [];
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

/** Ends early, without an error, when the signal aborts. */
async function pause(forMs: number, signal: AbortSignal): Promise<void> {
  if (forMs > 0) await sleep(forMs, undefined, { signal }).catch(() => undefined);
}
