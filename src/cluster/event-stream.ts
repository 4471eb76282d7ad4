import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackgroundJobs, Clock, EventBus, withTimeout } from '../core/index.js';
import { InstanceIdentity } from './instance-identity.js';
import { Redis, type RedisClient, RedisUnavailableError } from './redis.js';
import { type EntryHeader, StreamMembers } from './stream-members.js';
import { type MissedReason, StreamMetrics } from './stream-metrics.js';
import { StreamWriter } from './stream-writer.js';

const BLOCK_MS = 500;
/** Entries of one read: their decoding must not block the process for long. */
const READ_COUNT = 20;
/** Own entries come back with the others. Without one for this long, the stream does not work here; one is sent each second. */
const MAX_ECHO_AGE_MS = 4_000;
/** After this time every other instance has sent an entry. */
const SETTLE_MS = 1_500;
/** At the first start nothing is read from storage again, so an instance may be seen first a little later. */
const FIRST_SETTLE_MS = 5_000;
const REJOIN_DELAY_MS = 250;
/** Heartbeats that were read longer ago say nothing about the instances of now. */
const MAX_ALIVE_AGE_MS = 20_000;

declare module '../core/events/event-bus.js' {
  interface EventMap {
    /**
     * Events of other instances did not arrive here. A listener that keeps a state made of shared events reads it from
     * storage again, and resolves when that is done.
     */
    'cluster.events-missed': { readonly reason: MissedReason };
    /** After `cluster.events-missed`, when the states of this instance are complete again. */
    'cluster.caught-up': { readonly reason: MissedReason };
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
  /** Everything that happened before this time has arrived; it stands still while the stream is not complete. */
  private heldUpToMs: number;
  /** Own entries up to this time have come back, and with them all entries before; epoch milliseconds. */
  private echoedUpToMs: number;
  private echoAtMs = -Infinity;
  private echoLagMs: number | null = null;
  private joinedAtMs = -Infinity;
  private wakeWaiting: (() => void)[] = [];
  /** Some state was loaded from storage before this instance read the stream. */
  private isLoadedBefore = false;
  /** Instances with a heartbeat in storage, without this one, and when they were read. */
  private alive: { readonly ids: ReadonlySet<string>; readonly readAtMs: number } | null = null;

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
      run: (signal) => this.read(signal),
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
   * instances matter; epoch milliseconds, Infinity without Redis.
   */
  get publishedUpToMs(): number {
    if (!this.redis.isConfigured) return Infinity;
    // It may go back, after a clock that was ahead is set right: a cursor in the future would miss everything until then.
    if (this.state === 'complete' && this.unheardIds.length === 0) {
      const othersMs = this.members?.publishedUpToMs ?? Infinity;
      this.heldUpToMs = Math.min(othersMs, this.echoedUpToMs, this.clock.nowMs());
    }
    return this.heldUpToMs;
  }

  /**
   * A revocation by any instance reaches this one at once: nothing else may answer from a cache of access rights. Without
   * Redis it is true while no other instance has a heartbeat. False while the heartbeats are not known.
   */
  get hearsEveryInstance(): boolean {
    const { aliveIds } = this;
    if (aliveIds === null) return false;
    if (!this.redis.isConfigured) return aliveIds.size === 0;
    // After a pause of the whole process, entries may wait that were not read yet.
    if (this.state !== 'complete' || performance.now() - this.echoAtMs > MAX_ECHO_AGE_MS) return false;
    return this.unheardIds.length === 0 && this.members?.hasLost === false;
  }

  /** Instances that are alive by their heartbeat in storage and whose events do not arrive here. */
  get unheardIds(): readonly string[] {
    return [...(this.aliveIds ?? [])].filter((id) => this.members?.has(id) !== true);
  }

  /** Ids of the other instances: those with a heartbeat in storage and those whose events arrive; null: not known. */
  get otherIds(): ReadonlySet<string> | null {
    return this.aliveIds && new Set([...this.aliveIds, ...this.memberIds]);
  }

  /** Time from the write of the newest own entry until it arrived here, milliseconds; null while nothing arrives. */
  get lagMs(): number | null {
    return this.echoLagMs;
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
    this.alive = { ids, readAtMs: performance.now() };
    this.members?.forgetEnded(ids);
  }

  /** The other instances with a heartbeat in storage; null: not known. */
  private get aliveIds(): ReadonlySet<string> | null {
    const isKnown = this.alive !== null && performance.now() - this.alive.readAtMs <= MAX_ALIVE_AGE_MS;
    return isKnown ? (this.alive?.ids ?? null) : null;
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
    if (!this.redis.isConfigured || this.members) return;
    const reading = new Promise<void>((resolve) => this.wakeWaiting.push(resolve));
    await Promise.race([reading, sleep(limitMs, undefined, { ref: false })]);
    if (this.members === null) this.isLoadedBefore = true;
  }

  /** Reads until the connection fails or the service ends. @throws the failure */
  private async read(signal: AbortSignal): Promise<void> {
    const client = await this.redis.connectAnother();
    // A blocked command would end only with its reply.
    const abort = (): void => void client.disconnect().catch(() => undefined);
    signal.addEventListener('abort', abort, { once: true });
    try {
      let lastId = await this.join(client);
      while (!signal.aborted) {
        const entries = await this.readAfter(client, lastId);
        for (const { id, message } of entries) {
          this.take(message);
          lastId = id;
        }
        // A reader that is behind finds the silence of the others only at the end.
        if (entries.length < READ_COUNT) this.checkOthers();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', abort);
      this.leave();
      if (client.isOpen) await client.disconnect().catch(() => undefined);
    }
  }

  /** @returns the id of the newest entry: what comes after it is read */
  private async join(client: RedisClient): Promise<string> {
    const newest = client.xRevRange(this.redis.key('events'), '+', '-', { COUNT: 1 });
    const [last] = await withTimeout(newest, MAX_ECHO_AGE_MS, noAnswer);
    const isFirst = this.joinedAtMs === -Infinity && !this.isLoadedBefore;
    this.joinedAtMs = this.echoAtMs = performance.now();
    this.members = new StreamMembers(this.joinedAtMs + (isFirst ? FIRST_SETTLE_MS : SETTLE_MS));
    this.mustCatchUp = !isFirst;
    for (const wake of this.wakeWaiting.splice(0)) wake();
    this.logger.log({ instance: this.identity.id }, 'event stream joined');
    return last?.id ?? '0-0';
  }

  private leave(): void {
    if (this.members === null) return;
    // Holds the time up to which everything has arrived.
    void this.publishedUpToMs;
    this.members = null;
    this.echoLagMs = null;
  }

  private async readAfter(client: RedisClient, lastId: string): Promise<readonly StreamEntry[]> {
    const reply = client.xRead(
      { key: this.redis.key('events'), id: lastId },
      { BLOCK: BLOCK_MS, COUNT: READ_COUNT },
    );
    const streams = await withTimeout(reply, BLOCK_MS + MAX_ECHO_AGE_MS, noAnswer);
    return streams?.[0]?.messages ?? [];
  }

  private take(message: Record<string, string>): void {
    const header = headerOf(message);
    const nowMs = performance.now();
    if (header.instance === this.identity.id) {
      this.echoAtMs = nowMs;
      this.echoedUpToMs = Number(message['t']);
      this.echoLagMs = Math.max(0, this.clock.nowMs() - this.echoedUpToMs);
      this.metrics.recordEcho(this.echoLagMs);
      return;
    }
    // Holds the time before this entry, which may show that others are missing.
    void this.publishedUpToMs;
    if (this.members?.note(header, nowMs) === false) void this.catchUp('entry_missing');
    const events = JSON.parse(message['e'] ?? '[]') as readonly [event: string, value: unknown][];
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
    this.logger.warn({ instances: lost }, 'instances lost');
    void this.catchUp('instance_lost');
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

interface StreamEntry {
  readonly id: string;
  readonly message: Record<string, string>;
}

function headerOf(message: Record<string, string>): EntryHeader {
  return {
    instance: message['i'] ?? '',
    sequence: Number(message['n']),
    publishedUpToMs: Number(message['w']),
    isLast: message['x'] === '1',
  };
}

function noAnswer(): Error {
  return new RedisUnavailableError('no answer in time');
}
