import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackgroundJobs, Clock, EventBus } from '../core/index.js';
import { AliveInstances } from './alive-instances.js';
import { InstanceIdentity } from './instance-identity.js';
import { Redis, RedisUnavailableError } from './redis.js';
import type { StreamEntry } from './stream-entry.js';
import { StreamMembers } from './stream-members.js';
import { type MissedReason, StreamMetrics } from './stream-metrics.js';
import { readStream } from './stream-reader.js';
import { StreamWriter } from './stream-writer.js';

/** Own entries come back with the others. Without one for this long, the stream does not work here; one is sent each second. */
const MAX_ECHO_AGE_MS = 4_000;
/** After this time every other instance has sent an entry. */
const SETTLE_MS = 1_500;
/** At the first start nothing is read from storage again, so an instance may be seen first a little later. */
const FIRST_SETTLE_MS = 5_000;
const REJOIN_DELAY_MS = 250;

declare module '../core/events/event-bus.js' {
  interface EventMap {
    /**
     * Events of other instances did not arrive here. A listener that keeps a state made of shared events reads it from
     * storage again, and resolves when that is done.
     */
    'cluster.events-missed': { readonly reason: MissedReason };
    /** After `cluster.events-missed`, when the states of this instance are complete again. */
    'cluster.caught-up': { readonly reason: MissedReason };
    /** An instance is silent: what it has recorded must be read from storage (`EventStream.mustFollowStorage`). */
    'cluster.instance-lost': { readonly ids: readonly string[] };
  }
}

/** Only while it is `complete`, every event of the other instances arrives and nothing is missing from before. */
export type StreamState = 'off' | 'cut' | 'settling' | 'catching-up' | 'complete';

/**
 * Shares events between instances through one Redis stream, which each instance reads from its own position. The stream is
 * bounded by time and length: an instance that misses an entry notices the hole in the numbers of its writer, and reads
 * storage instead.
 */
@Injectable()
export class EventStream implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(EventStream.name);
  private members: StreamMembers | null = null;
  /** Storage is to be read once the first entry of every other instance was seen: what came before is then in storage. */
  private mustCatchUp = false;
  private isCatchingUp = false;
  private missedAgain: MissedReason | null = null;
  /** Everything that happened before this time has arrived. */
  private heldUpToMs: number;
  /** Everything that any instance recorded before this time was read from storage and published here. */
  private followedUpToMs = -Infinity;
  private lostAtMs = -Infinity;
  /** Own entries up to this time have come back, and with them all entries before; epoch milliseconds. */
  private echoedUpToMs: number;
  private echoAtMs = -Infinity;
  private joinedAtMs = -Infinity;
  private resolveJoined: () => void = () => undefined;
  /** Resolves at the first join. */
  private readonly joined = new Promise<void>((resolve) => (this.resolveJoined = resolve));
  /** Some state was loaded from storage before this instance read the stream. */
  private isLoadedBefore = false;
  private readonly alive = new AliveInstances();
  /** Time from the write of the newest own entry until it arrived here, milliseconds; null while nothing arrives. */
  lagMs: number | null = null;

  constructor(
    private readonly redis: Redis,
    private readonly identity: InstanceIdentity,
    private readonly writer: StreamWriter,
    private readonly events: EventBus,
    private readonly jobs: BackgroundJobs,
    private readonly clock: Clock,
    private readonly metrics: StreamMetrics,
  ) {
    this.heldUpToMs = this.echoedUpToMs = clock.nowMs();
    metrics.observe(this);
  }

  onModuleInit(): void {
    if (this.redis.isConfigured) this.events.forwardTo((event, value) => this.writer.add(event, value));
  }

  onApplicationBootstrap(): void {
    if (!this.redis.isConfigured) return;
    this.jobs.start({
      name: 'event-stream',
      intervalMs: REJOIN_DELAY_MS,
      runsAtStart: true,
      run: (signal) =>
        readStream(this.redis, signal, {
          onJoin: () => this.join(),
          onEntry: (entry) => this.take(entry),
          onEnd: () => this.checkOthers(),
          onLeave: () => this.leave(),
        }),
    });
    this.writer.start();
  }

  /** Services have published their last events by now: they are of modules that import this one. */
  async onApplicationShutdown(): Promise<void> {
    this.events.forwardTo(null);
    if (!this.redis.isConfigured) return;
    await this.writer.end();
    await this.redis.close();
  }

  get state(): StreamState {
    if (!this.redis.isConfigured) return 'off';
    if (this.members === null) return 'cut';
    if (this.isCatchingUp) return 'catching-up';
    return this.mustCatchUp || !this.isSettled ? 'settling' : 'complete';
  }

  /** Own entries come back: Redis that refuses writes, as a full one, still answers the reader. */
  private get isSettled(): boolean {
    return this.echoAtMs > this.joinedAtMs && performance.now() - this.joinedAtMs >= SETTLE_MS;
  }

  /**
   * Everything that any instance recorded before this time was published on the bus of this instance, as far as other
   * instances matter; epoch milliseconds. It stands still while events may be missing, except for what is followed in storage.
   */
  get publishedUpToMs(): number {
    this.holdTime();
    return this.heldUpToMs;
  }

  /**
   * Events of another instance do not arrive, so they must be read from storage: it has a heartbeat and is not heard, or it is
   * lost. A lost one may have ended between a commit and its publication.
   */
  get mustFollowStorage(): boolean {
    return this.silentIds.length > 0 || this.members?.hasLost === true;
  }

  /**
   * @param upToMs start of a read of storage: everything that was stored before was published here. A write in flight then can
   *   have an earlier time; the overlap of a replay covers it.
   */
  noteFollowed(upToMs: number): void {
    this.followedUpToMs = upToMs;
  }

  /** Called before what may show that events are missing: the time must be from before them. */
  private holdTime(): void {
    const isSharing = this.state === 'complete' || this.state === 'off';
    if (!isSharing || this.mustFollowStorage) {
      this.heldUpToMs = Math.max(this.heldUpToMs, this.followedUpToMs);
      return;
    }
    const echoedUpToMs = this.state === 'off' ? Infinity : this.echoedUpToMs;
    const othersMs = this.members?.publishedUpToMs ?? Infinity;
    // It may go back, after a clock that was ahead is set right: a cursor in the future would miss everything until then.
    this.heldUpToMs = Math.min(othersMs, echoedUpToMs, this.clock.nowMs());
  }

  /**
   * A revocation by any instance reaches this one at once: nothing else may answer from a cache of access rights. Without
   * Redis it is true while no other instance has a heartbeat. False while the heartbeats are not known.
   */
  get receivesFromAll(): boolean {
    const { ids } = this.alive;
    if (ids === null) return false;
    if (!this.redis.isConfigured) return ids.size === 0;
    // After a pause of the whole process, entries may wait that were not read yet.
    if (this.state !== 'complete' || performance.now() - this.echoAtMs > MAX_ECHO_AGE_MS) return false;
    return this.silentIds.length === 0 && this.members?.hasLost === false;
  }

  /** Instances that are alive by their heartbeat in storage and whose events do not arrive here. */
  get silentIds(): readonly string[] {
    return [...(this.alive.ids ?? [])].filter((id) => this.members?.has(id) !== true);
  }

  /** Another instance is known. */
  get hasOthers(): boolean {
    return this.alive.ids?.size !== 0 || this.memberIds.size > 0;
  }

  /** Ids of the other instances: those with a heartbeat in storage and those whose events arrive; null: not known. */
  get otherIds(): ReadonlySet<string> | null {
    const { ids } = this.alive;
    return ids && new Set([...ids, ...this.memberIds]);
  }

  /** Ids of the other instances whose events arrive here. */
  get memberIds(): ReadonlySet<string> {
    return this.members?.ids ?? new Set();
  }

  /**
   * Called every 2 s. A set that is not replaced for 20 s counts as unknown.
   * @param ids the other instances with a heartbeat in storage
   */
  setAlive(ids: ReadonlySet<string>): void {
    this.alive.set(ids);
    if (this.followedUpToMs >= this.lostAtMs) this.members?.forgetEnded(ids);
  }

  /** @param source everything that this instance recorded before its result was published here, epoch milliseconds */
  setPublishedSource(source: () => number): void {
    this.writer.setPublishedSource(source);
  }

  /**
   * Resolves when this instance reads the stream, or after the time limit. Called before a state is loaded from storage, so
   * that nothing happens between the load and the stream unseen.
   */
  async whenReading(limitMs: number): Promise<void> {
    if (!this.redis.isConfigured) return;
    await Promise.race([this.joined, sleep(limitMs, undefined, { ref: false })]);
    if (this.members === null) this.isLoadedBefore = true;
  }

  private join(): void {
    const isFirst = this.joinedAtMs === -Infinity && !this.isLoadedBefore;
    this.joinedAtMs = this.echoAtMs = performance.now();
    this.members = new StreamMembers(this.joinedAtMs + (isFirst ? FIRST_SETTLE_MS : SETTLE_MS));
    this.mustCatchUp = !isFirst;
    this.resolveJoined();
    this.logger.log({ instance: this.identity.id }, 'event stream joined');
  }

  private leave(): void {
    if (this.members === null) return;
    this.holdTime();
    this.members = null;
    this.lagMs = null;
  }

  private take(entry: StreamEntry): void {
    const nowMs = performance.now();
    if (entry.instance === this.identity.id) {
      this.echoAtMs = nowMs;
      this.echoedUpToMs = entry.writtenAtMs;
      this.lagMs = Math.max(0, this.clock.nowMs() - entry.writtenAtMs);
      this.metrics.recordEcho(this.lagMs);
      return;
    }
    this.holdTime();
    if (this.members?.note(entry, nowMs) === false) void this.catchUp('entry_missing');
    const events = JSON.parse(entry.events) as readonly [event: string, value: unknown][];
    for (const [event, value] of events) this.events.publishForwarded(event, value);
    this.metrics.recordReceived(events.length);
  }

  /** @throws when own entries do not come back */
  private checkOthers(): void {
    const nowMs = performance.now();
    if (nowMs - this.echoAtMs > MAX_ECHO_AGE_MS)
      throw new RedisUnavailableError('own entries do not come back');
    if (this.mustCatchUp && this.isSettled) {
      this.mustCatchUp = false;
      void this.catchUp('joined');
    }
    const lost = this.members?.takeSilent(nowMs) ?? [];
    if (lost.length === 0) return;
    this.lostAtMs = this.clock.nowMs();
    this.logger.warn({ instances: lost }, 'instances lost');
    this.events.publish('cluster.instance-lost', { ids: lost });
  }

  private async catchUp(reason: MissedReason): Promise<void> {
    this.metrics.recordMissed(reason);
    if (this.isCatchingUp) {
      this.missedAgain = reason;
      return;
    }
    this.isCatchingUp = true;
    this.logger.warn({ reason }, 'events of other instances missed; reading storage');
    do {
      this.missedAgain = null;
      await this.events.publishAndWait('cluster.events-missed', { reason });
    } while (this.missedAgain !== null);
    this.events.publish('cluster.caught-up', { reason });
    this.isCatchingUp = false;
    this.logger.log({ reason }, 'missed events read from storage');
  }
}
