import pLimit, { type LimitFunction } from 'p-limit';
import { DirectoryLostError, pause } from '../../core/index.js';
import type { LegacyPostKind } from '../legacy-metrics.js';
import type { OldAnswer, SendResult } from './old-server-client.js';
import type { TeedPost, TeeOutcome } from './teed-post.js';

/** The old server stamps a post with the time at which it arrives there, so an older one would be false. */
const EXPIRES_AFTER_MS: Readonly<Record<LegacyPostKind, number>> = {
  position: 10_000,
  picture: 60_000,
  crash: Infinity,
};
/** Requests to the old server at the same time. */
const MAX_IN_FLIGHT = 32;
/** After the old server refused a connection; doubles with each refusal. PM2 starts it again within a second or two. */
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 400;
/** A crash report ends the old server shortly after its answer. */
const CRASH_SETTLES_MS = 1_000;
const PROBE_INTERVAL_MS = 200;
/** Before a crash, the requests in progress have this time to end. */
const CLEARING_MS = 250;

/** 60 s of two pictures of 20 kB each 700 ms need 3.5 MB for a box. */
const MAX_BYTES_OF_BOX = 8_000_000;
const MAX_POSTS_OF_BOX = 2_000;
const MAX_BYTES = 128_000_000;
const MAX_POSTS = 50_000;
/** Of all boxes together that this service does not know: anyone can make up a code. */
const UNKNOWN_BOXES = '';

/** A post on its way to the old server. */
export interface LaneEntry {
  readonly post: TeedPost;
  /** Time at which it was sent without an answer, epoch milliseconds; null: not sent. */
  sentAtMs: number | null;
}

interface LanesOptions<E extends LaneEntry> {
  readonly send: (entry: E) => Promise<SendResult>;
  /** Whether the old server answers. */
  readonly isUp: () => Promise<boolean>;
  /** Whether the old server has stored a crash report that was sent. Rejects when that cannot be found out now. */
  readonly hasStored: (entry: E) => Promise<boolean>;
  /** Called once for each entry; not for one that another process has taken over. */
  readonly onSettled: (entry: E, outcome: TeeOutcome, answer: OldAnswer | null) => void;
  readonly nowMs: () => number;
}

interface Lane<E> {
  /** In the order of arrival; the first one is being sent. */
  readonly entries: E[];
  isRunning: boolean;
  failures: number;
  /** Arrival of the newest post that was sent, epoch milliseconds. */
  newestSentMs: number;
}

interface Attempt {
  readonly outcome: TeeOutcome;
  readonly answer: OldAnswer | null;
}

/** Posts in memory that wait for the old server: one lane for each box and kind, in order, one request at a time. */
export class TeeLanes<E extends LaneEntry> {
  private readonly lanes = new Map<string, Lane<E>>();
  private readonly load = new Map<string, { posts: number; bytes: number }>();
  private readonly total = { posts: 0, bytes: 0 };
  private readonly slots = pLimit(MAX_IN_FLIGHT);
  /** Each one ends the old server, which would lose the others. */
  private readonly crashSlot = pLimit(1);
  private readonly shutdown = new AbortController();
  private sending = 0;
  private held = false;
  /** Nothing is sent until then, epoch milliseconds. */
  private pausedUntilMs = 0;
  /** All kinds expire then, epoch milliseconds. */
  private deadlineMs = Infinity;

  constructor(private readonly options: LanesOptions<E>) {}

  get count(): number {
    return this.total.posts;
  }

  /** Requests to the old server that have no answer yet. */
  get inFlight(): number {
    return this.sending;
  }

  /** Nothing is sent until the old server answers, because a crash report ends it. */
  get isHeld(): boolean {
    return this.held;
  }

  /** Requests that were begun end; posts that wait expire as if the old server refused connections. */
  pauseUntil(atMs: number): void {
    this.pausedUntilMs = atMs;
  }

  get isPaused(): boolean {
    return this.options.nowMs() < this.pausedUntilMs;
  }

  /** Arrival of the oldest post, epoch milliseconds; null without one. */
  get oldestMs(): number | null {
    let oldestMs: number | null = null;
    for (const { entries } of this.lanes.values())
      for (const { post } of entries.slice(0, 1))
        oldestMs = Math.min(oldestMs ?? post.receivedAtMs, post.receivedAtMs);
    return oldestMs;
  }

  /** Whether a further post may be added. Crash reports of known boxes always may: they are small and rare. */
  hasRoomFor(post: TeedPost): boolean {
    const { kind, body } = post;
    if (kind === 'crash' && post.vehicleId !== null) return true;
    const { posts, bytes } = this.load.get(loadKeyOf(post)) ?? { posts: 0, bytes: 0 };
    if (posts >= MAX_POSTS_OF_BOX || bytes + body.length > MAX_BYTES_OF_BOX) return false;
    return this.total.posts < MAX_POSTS && this.total.bytes + body.length <= MAX_BYTES;
  }

  add(entry: E): void {
    this.addLoad(entry.post, 1);
    const lane = this.laneOf(entry.post);
    lane.entries.push(entry);
    this.start(lane, entry.post);
  }

  /** Adds a post of an earlier process. It is sent before later posts, or not at all when one of them was sent already. */
  addEarlier(entry: E): void {
    const { post } = entry;
    const lane = this.laneOf(post);
    this.addLoad(post, 1);
    if (post.kind !== 'crash' && post.receivedAtMs < lane.newestSentMs)
      return this.settle(entry, { outcome: 'expired', answer: null });
    const first = lane.isRunning ? 1 : 0;
    const at = lane.entries.findIndex((each, n) => n >= first && each.post.receivedAtMs > post.receivedAtMs);
    lane.entries.splice(at < 0 ? lane.entries.length : at, 0, entry);
    this.start(lane, post);
  }

  /** From then on, posts of every kind are given up. null: no such time. */
  setDeadline(atMs: number | null): void {
    this.deadlineMs = atMs ?? Infinity;
  }

  /** Sends nothing more. @returns when no request is in progress */
  async stop(): Promise<void> {
    this.shutdown.abort();
    this.slots.clearQueue();
    this.crashSlot.clearQueue();
    while (this.sending > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  private laneOf(post: TeedPost): Lane<E> {
    const key = laneKeyOf(post);
    let lane = this.lanes.get(key);
    if (!lane) {
      lane = { entries: [], isRunning: false, failures: 0, newestSentMs: -Infinity };
      this.lanes.set(key, lane);
    }
    return lane;
  }

  private start(lane: Lane<E>, post: TeedPost): void {
    if (lane.isRunning || this.shutdown.signal.aborted) return;
    lane.isRunning = true;
    void this.run(lane, post.kind === 'crash' ? this.crashSlot : this.slots).then(() => {
      if (post.vehicleId === null && lane.entries.length === 0) this.lanes.delete(laneKeyOf(post));
    });
  }

  private async run(lane: Lane<E>, slots: LimitFunction): Promise<void> {
    const { signal } = this.shutdown;
    for (let entry = lane.entries[0]; entry && !signal.aborted; entry = lane.entries[0]) {
      const current = entry;
      const attempt = await slots(() => this.attempt(current, lane));
      if (attempt === 'again') {
        lane.failures += 1;
        await pause(Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(lane.failures - 1, 8)), signal);
        continue;
      }
      lane.failures = 0;
      lane.entries.shift();
      if (attempt === 'lost') this.addLoad(current.post, -1);
      else this.settle(current, attempt);
    }
    // In the same turn as the last look at the lane: a post that is added later starts it again.
    lane.isRunning = false;
  }

  /** @returns `again`: it stays the first of its lane; `lost`: another process has taken it over */
  private async attempt(entry: E, lane: Lane<E>): Promise<Attempt | 'again' | 'lost'> {
    const { post } = entry;
    if (post.ends !== null) return { outcome: 'withheld', answer: null };
    if (this.isExpired(post))
      return { outcome: entry.sentAtMs === null ? 'expired' : 'uncertain', answer: null };
    if (this.held || this.isPaused || this.shutdown.signal.aborted) return 'again';
    if (entry.sentAtMs !== null) {
      const isStored = await this.options.hasStored(entry).catch(() => null);
      if (isStored === null) return 'again';
      if (isStored) return { outcome: 'taken', answer: null };
      entry.sentAtMs = null;
    }
    const result = post.kind === 'crash' ? await this.sendCrash(entry) : await this.send(entry);
    if (result.kind === 'not-sent') return result.error instanceof DirectoryLostError ? 'lost' : 'again';
    lane.newestSentMs = Math.max(lane.newestSentMs, post.receivedAtMs);
    const answer = result.kind === 'answered' ? result.answer : null;
    if (answer && answer.status < 500) return { outcome: 'taken', answer };
    // A crash report is looked for, and sent again when it is not there.
    return post.kind === 'crash' && post.vehicleId !== null ? 'again' : { outcome: 'uncertain', answer };
  }

  private async send(entry: E): Promise<SendResult> {
    this.sending += 1;
    try {
      return await this.options.send(entry);
    } finally {
      this.sending -= 1;
    }
  }

  private async sendCrash(entry: E): Promise<SendResult> {
    this.held = true;
    const endMs = performance.now() + CLEARING_MS;
    while (this.sending > 0 && performance.now() < endMs) await pause(10, this.shutdown.signal);
    const sentAtMs = this.options.nowMs();
    const result = await this.send(entry);
    if (result.kind === 'not-sent') {
      this.held = false;
      return result;
    }
    entry.sentAtMs = sentAtMs;
    void this.resumeWhenUp();
    return result;
  }

  private async resumeWhenUp(): Promise<void> {
    const { signal } = this.shutdown;
    await pause(CRASH_SETTLES_MS, signal);
    while (!signal.aborted && !(await this.options.isUp())) await pause(PROBE_INTERVAL_MS, signal);
    this.held = false;
  }

  private isExpired({ kind, receivedAtMs }: TeedPost): boolean {
    const nowMs = this.options.nowMs();
    return nowMs - receivedAtMs > EXPIRES_AFTER_MS[kind] || nowMs > this.deadlineMs;
  }

  private settle(entry: E, { outcome, answer }: Attempt): void {
    this.addLoad(entry.post, -1);
    this.options.onSettled(entry, outcome, answer);
  }

  private addLoad(post: TeedPost, sign: 1 | -1): void {
    const key = loadKeyOf(post);
    const load = this.load.get(key) ?? { posts: 0, bytes: 0 };
    for (const each of [load, this.total]) {
      each.posts += sign;
      each.bytes += sign * post.body.length;
    }
    if (load.posts > 0) this.load.set(key, load);
    else this.load.delete(key);
  }
}

const loadKeyOf = ({ vehicleId, boxCode }: TeedPost): string =>
  vehicleId === null ? UNKNOWN_BOXES : boxCode;

const laneKeyOf = ({ kind, boxCode }: TeedPost): string => `${kind} ${boxCode}`;
