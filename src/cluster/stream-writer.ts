import { Injectable } from '@nestjs/common';
import { BackgroundJobs, Clock } from '../core/index.js';
import { InstanceIdentity } from './instance-identity.js';
import { Redis, type RedisClient } from './redis.js';
import { encodeEntry } from './stream-entry.js';
import { StreamMetrics } from './stream-metrics.js';

/** Events of this time share an entry: less work for every reader than an entry for each. */
const JOIN_MS = 20;
const HEARTBEAT_MS = 1_000;
const WRITE_TIMEOUT_MS = 1_000;
/** A publisher that waits for its event goes on after this time; the event is written nevertheless. */
const MAX_PUBLISHER_WAIT_MS = 500;
/** Soft limit: a single larger event has an entry of its own. */
const MAX_ENTRY_CHARS = 64_000;
/** Events that wait while Redis is slow, characters. Beyond it they are dropped, and the other instances read storage. */
const MAX_WAITING_CHARS = 4_000_000;
/** Bound of the stream. A reader that is further behind reads storage. */
const MAX_STREAM_CHARS = 16_000_000;
const MAX_AGE_MS = 60_000;
const TRIM_EVERY_MS = 10_000;
const MIN_LENGTH = 200;
const MAX_LENGTH = 50_000;

/** The end of one entry. */
interface Batch {
  readonly written: Promise<void>;
  readonly resolve: () => void;
}

/** Writes the shared events of this instance to the stream, several to an entry, one entry at a time. */
@Injectable()
export class StreamWriter {
  private waiting: string[] = [];
  private waitingChars = 0;
  private batch: Batch | null = null;
  private sequence = 0;
  private writing: Promise<void> | null = null;
  private isTimerSet = false;
  private lastWriteMs = -Infinity;
  private lastTrimMs = -Infinity;
  private averageChars = 500;
  private publishedSource: () => number = () => this.clock.nowMs();
  /** Of the newest entry. */
  private publishedUpToMs = 0;

  constructor(
    private readonly redis: Redis,
    private readonly identity: InstanceIdentity,
    private readonly jobs: BackgroundJobs,
    private readonly clock: Clock,
    private readonly metrics: StreamMetrics,
  ) {}

  setPublishedSource(source: () => number): void {
    this.publishedSource = source;
  }

  /** Starts the heartbeat, which shows the other instances that nothing is missing. */
  start(): void {
    this.jobs.start({
      name: 'event-stream-heartbeat',
      intervalMs: HEARTBEAT_MS,
      jitter: 0,
      run: () => this.beat(),
    });
  }

  /** @returns when the event was written or was given up, and after 500 ms at most; never rejects */
  add(event: string, value: unknown): Promise<void> {
    const text = JSON.stringify([event, value]);
    this.batch ??= newBatch();
    const { written } = this.batch;
    this.waiting.push(text);
    this.waitingChars += text.length;
    if (this.waitingChars > MAX_WAITING_CHARS) this.drop();
    this.schedule();
    return written;
  }

  /**
   * Writes what waits, and then the last entry. Without it, the other instances find this one lost and read storage: that is
   * right while something that was recorded here is not published.
   */
  async end(): Promise<void> {
    while (this.writing || this.waiting.length > 0) await this.write();
    const nowMs = this.clock.nowMs();
    this.publishedUpToMs = this.publishedSource();
    if (this.publishedUpToMs >= nowMs) await this.writeEntry([], true);
  }

  private schedule(): void {
    if (this.writing || this.isTimerSet) return;
    this.isTimerSet = true;
    const waitMs = this.lastWriteMs + JOIN_MS - performance.now();
    setTimeout(
      () => {
        this.isTimerSet = false;
        void this.write();
      },
      Math.max(0, waitMs),
    );
  }

  /** @returns the end of the current write, or of a new one */
  private write(): Promise<void> {
    this.writing ??= this.writeWaiting();
    return this.writing;
  }

  private async writeWaiting(): Promise<void> {
    const { batch } = this;
    this.batch = null;
    const entries = entriesOf(this.waiting);
    this.waiting = [];
    this.waitingChars = 0;
    // Read together with the events: what is published from now on is in a later entry.
    const publishedUpToMs = this.publishedSource();
    for (const [index, entry] of entries.entries()) {
      if (index === entries.length - 1) this.publishedUpToMs = publishedUpToMs;
      await this.writeEntry(entry, false);
    }
    batch?.resolve();
    this.writing = null;
    this.lastWriteMs = performance.now();
    if (this.waiting.length > 0) this.schedule();
  }

  private async beat(): Promise<void> {
    const nowMs = performance.now();
    if (!this.writing && nowMs - this.lastWriteMs >= HEARTBEAT_MS / 2) await this.write();
    if (nowMs - this.lastTrimMs < TRIM_EVERY_MS) return;
    this.lastTrimMs = nowMs;
    await this.redis.run((client) => this.trim(client)).catch(() => undefined);
  }

  /** By the clock of Redis, which the ids of the entries have: that of an instance can be ahead. */
  private async trim(client: RedisClient): Promise<void> {
    const now = await client.time();
    await client.xTrim(this.redis.key('events'), 'MINID', now.getTime() - MAX_AGE_MS);
  }

  /** Never rejects. The number of an entry that is not written leaves a hole, which the readers notice. */
  private async writeEntry(events: readonly string[], isLast: boolean): Promise<void> {
    this.sequence += 1;
    const text = `[${events.join(',')}]`;
    this.averageChars = 0.9 * this.averageChars + 0.1 * (text.length + 150);
    const length = Math.round(MAX_STREAM_CHARS / this.averageChars);
    const entry = encodeEntry({
      instance: this.identity.id,
      sequence: this.sequence,
      publishedUpToMs: this.publishedUpToMs,
      writtenAtMs: this.clock.nowMs(),
      isLast,
      events: text,
    });
    try {
      await this.redis.run(
        (client) =>
          client.xAdd(this.redis.key('events'), '*', entry, {
            TRIM: {
              strategy: 'MAXLEN',
              strategyModifier: '~',
              threshold: Math.min(MAX_LENGTH, Math.max(MIN_LENGTH, length)),
            },
          }),
        WRITE_TIMEOUT_MS,
      );
      this.metrics.recordWritten(events.length);
    } catch {
      this.metrics.recordLost(events.length);
    }
  }

  private drop(): void {
    this.metrics.recordLost(this.waiting.length);
    this.waiting = [];
    this.waitingChars = 0;
    this.sequence += 1;
  }
}

/** Groups of encoded events; at least one, which may be empty. */
function entriesOf(events: readonly string[]): readonly (readonly string[])[] {
  const entries: string[][] = [[]];
  let chars = 0;
  for (const text of events) {
    if (chars > 0 && chars + text.length > MAX_ENTRY_CHARS) {
      entries.push([]);
      chars = 0;
    }
    entries.at(-1)?.push(text);
    chars += text.length;
  }
  return entries;
}

function newBatch(): Batch {
  let resolve: () => void = () => undefined;
  const written = new Promise<void>((done) => (resolve = done));
  const timer = setTimeout(resolve, MAX_PUBLISHER_WAIT_MS);
  return {
    written,
    resolve: () => {
      clearTimeout(timer);
      resolve();
    },
  };
}
