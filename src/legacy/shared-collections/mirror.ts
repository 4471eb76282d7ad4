import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../core/index.js';
import type { CursorsRepository } from './cursors.repository.js';

/** What arrives within it shares one write. */
const COALESCE_MS = 250;
const RETRY_MS = 1_000;
/** Of one write. */
const MAX_GROUP = 1_000;
/** Waiting in memory; what is more is read from storage later. */
const MAX_WAITING = 20_000;
const CATCH_UP_EVERY_MS = 30_000;
/** Before the very first start: so much that nothing taken in while it starts is missed. */
const INITIAL_LOOKBACK_MS = 60_000;

/** One kind of thing that is durable here and written a second time for others. */
export interface MirrorSource<T> {
  readonly name: string;
  /** A thing is in storage at the latest so long after the moment that it is listed by, milliseconds. */
  readonly settlesWithinMs: number;
  /** Everything stored from a moment on, in pages. */
  since(fromMs: number): AsyncIterable<readonly T[]>;
  /** Idempotent: the same things again change nothing. @returns how many documents were written */
  write(items: readonly T[]): Promise<number>;
}

/** What the rest of the service knows of one. */
export interface AnyMirror {
  readonly name: string;
  readonly lagMs: number;
  readonly isInTrouble: boolean;
  readonly written: number;
  ensureCursor(): Promise<void>;
  start(): void;
  stop(withinMs: number): Promise<void>;
}

/**
 * Writes what is durable a second time, elsewhere, behind everybody's back: nobody waits for it, and when it cannot write,
 * or the process is killed, it goes on from storage. Two ways lead there. What is stored now is offered and written in
 * groups. And every so often everything stored since the cursor is looked at again: what was offered to a process that is
 * gone, what did not fit into memory, what a database in trouble stored after all. The cursor never passes a moment that
 * something may still be stored under, so in the end nothing is missed, and that it is seen more than once harms nothing.
 */
export class Mirror<T> implements AnyMirror {
  private readonly logger = new Logger(Mirror.name);
  private readonly stopping = new AbortController();
  private waiting: { readonly item: T; readonly sinceMs: number }[] = [];
  /** Not everything from this moment on is in memory or written; null: it is. */
  private behindSinceMs: number | null;
  private nextCatchUpMs = 0;
  private isFailing = false;
  private isStarted = false;
  private running: Promise<void> = Promise.resolve();
  written = 0;

  constructor(
    private readonly source: MirrorSource<T>,
    private readonly cursors: CursorsRepository,
    private readonly clock: Clock,
  ) {
    this.behindSinceMs = clock.nowMs();
  }

  get name(): string {
    return this.source.name;
  }

  /** How long the oldest thing that is not written yet has been waiting, milliseconds; 0 when none waits. */
  get lagMs(): number {
    const nowMs = this.clock.nowMs();
    const oldestMs = Math.min(this.behindSinceMs ?? Infinity, this.waiting[0]?.sinceMs ?? Infinity);
    return oldestMs === Infinity ? 0 : Math.max(0, nowMs - oldestMs);
  }

  get isInTrouble(): boolean {
    return this.isFailing;
  }

  /** Durable things, in their order. Costs the caller nothing; before the start they are left to be found. */
  offer(items: readonly T[]): void {
    if (!this.isStarted) return;
    const nowMs = this.clock.nowMs();
    for (const item of items) this.waiting.push({ item, sinceMs: nowMs });
    if (this.waiting.length <= MAX_WAITING) return;
    this.behindSinceMs ??= this.waiting[0]?.sinceMs ?? nowMs;
    this.waiting = [];
    this.nextCatchUpMs = 0;
  }

  /** From which moment on it is answerable. Before anything is taken in. */
  async ensureCursor(): Promise<void> {
    const at = await this.cursors.getOrCreate(this.name, new Date(this.clock.nowMs() - INITIAL_LOOKBACK_MS));
    this.behindSinceMs = Math.min(this.behindSinceMs ?? Infinity, at.getTime() + this.source.settlesWithinMs);
  }

  start(): void {
    this.isStarted = true;
    this.running = this.run();
  }

  /** Writes what waits, if it can within that time; the rest is for whoever starts next. */
  async stop(withinMs: number): Promise<void> {
    this.stopping.abort();
    const writing = this.running.then(() => this.writeWaiting()).catch(() => undefined);
    await Promise.race([writing, sleep(withinMs, undefined, { ref: false })]);
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const pauseMs = await this.step();
      await sleep(pauseMs, undefined, { signal: this.stopping.signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns how long to rest, milliseconds */
  private async step(): Promise<number> {
    try {
      await this.writeWaiting();
      if (this.clock.nowMs() >= this.nextCatchUpMs) await this.catchUp();
      if (this.isFailing) this.logger.log({ mirror: this.name }, 'the old collections are written again');
      this.isFailing = false;
      return COALESCE_MS;
    } catch (error) {
      if (!this.isFailing) {
        this.logger.warn(
          { err: error, mirror: this.name },
          'the old collections cannot be written; trying again',
        );
      }
      this.isFailing = true;
      return RETRY_MS;
    }
  }

  private async writeWaiting(): Promise<void> {
    while (this.waiting.length > 0) {
      const group = this.waiting.slice(0, MAX_GROUP);
      this.written += await this.source.write(group.map(({ item }) => item));
      // Unless it was thrown away meanwhile, being too much.
      if (this.waiting[0] === group[0]) this.waiting.splice(0, group.length);
    }
  }

  private async catchUp(): Promise<void> {
    const beganMs = this.clock.nowMs();
    const wasBehindMs = this.behindSinceMs;
    const from = await this.cursors.getOrCreate(this.name, new Date(beganMs - INITIAL_LOOKBACK_MS));
    for await (const page of this.source.since(from.getTime())) {
      if (this.stopping.signal.aborted) return;
      for (let start = 0; start < page.length; start += MAX_GROUP) {
        this.written += await this.source.write(page.slice(start, start + MAX_GROUP));
      }
      await this.writeWaiting();
    }
    // Thrown away meanwhile: that may be behind the place where this reading was already.
    if (this.behindSinceMs === wasBehindMs) this.behindSinceMs = null;
    this.nextCatchUpMs = this.behindSinceMs === null ? beganMs + CATCH_UP_EVERY_MS : 0;
    await this.cursors.advance(this.name, new Date(beganMs - this.source.settlesWithinMs));
  }
}
