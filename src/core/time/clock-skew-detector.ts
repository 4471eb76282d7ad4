import { Injectable } from '@nestjs/common';
import { Clock } from './clock.js';

const WINDOW_MS = 60_000;
/** With fewer sources, the clocks of the sources are the likelier error. */
const MIN_SOURCES = 3;
/** Limits memory; larger than a fleet. */
const MAX_SOURCES = 20_000;

/**
 * Detects that the clock of this service is probably wrong. One source with times in the future has a wrong clock itself;
 * when most sources are in the future, the clock of the service is behind.
 */
@Injectable()
export class ClockSkewDetector {
  /** By source: the last report, and the last report with a time in the future. */
  private readonly seen = new Map<string, { atMs: number; futureMs: number }>();

  constructor(private readonly clock: Clock) {}

  /** @param sourceId id of the device or vehicle that reported a time */
  note(sourceId: string, isFuture: boolean): void {
    const nowMs = this.clock.nowMs();
    const known = this.seen.get(sourceId) ?? { atMs: nowMs, futureMs: -Infinity };
    known.atMs = nowMs;
    if (isFuture) known.futureMs = nowMs;
    this.seen.delete(sourceId);
    this.seen.set(sourceId, known);
    const [oldest] = this.seen.keys();
    if (this.seen.size > MAX_SOURCES && oldest !== undefined) this.seen.delete(oldest);
  }

  /** More than half of the sources of the last minute reported a time in the future. */
  get isSkewLikely(): boolean {
    const sinceMs = this.clock.nowMs() - WINDOW_MS;
    let sources = 0;
    let future = 0;
    for (const [sourceId, { atMs, futureMs }] of this.seen) {
      if (atMs < sinceMs) this.seen.delete(sourceId);
      else {
        sources += 1;
        if (futureMs >= sinceMs) future += 1;
      }
    }
    return sources >= MIN_SOURCES && future * 2 > sources;
  }
}
