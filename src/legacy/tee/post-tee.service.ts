import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SETTINGS, type Settings } from '../../config/index.js';
import {
  BackgroundJobs,
  Clock,
  EventBus,
  failureFields,
  KeyedTokenBuckets,
  LagMonitor,
  withTimeout,
} from '../../core/index.js';
import { OwedRepository } from '../owed/owed.repository.js';
import { LegacyRoles } from '../roles/legacy-roles.js';
import { AmbulanceDirectory } from '../shared-collections/ambulance-directory.js';
import { CrashCollectionRepository } from '../shared-collections/crash-collection.repository.js';
import { PostSpool } from '../spool/post-spool.service.js';
import { type OldAnswer, OldServerClient, type SendResult } from './old-server-client.js';
import { OwedPosts } from './owed-posts.js';
import { type LaneEntry, TeeLanes } from './tee-lanes.js';
import { TeeMetrics } from './tee-metrics.js';
import { type LeftPost, type Stored, TeeStore } from './tee-store.js';
import {
  owedItemOf,
  PATH_OF,
  type Passing,
  type TeedPost,
  type TeeOutcome,
  withoutBody,
} from './teed-post.js';

const REQUEST_LIMIT_MS = 10_000;
const MAINTENANCE_INTERVAL_MS = 1_000;
/** Another process finds an abandoned directory after 5 s. */
const PASSES_TO_FIND_LEFT = 7;
const STALLED_AFTER_MS = 15_000;
/** Posts that still wait after this time when the role has changed are given up: this service writes them itself. */
const DRAIN_LIMIT_MS = 10_000;
/** Of an orderly end. What is left then waits for the next process. */
const SHUTDOWN_LIMIT_MS = 2_000;

declare module '../../core/events/event-bus.js' {
  interface EventMap {
    /** Nothing is sent to the old server for this time, milliseconds. Shared with every instance. */
    'legacy-tee.paused': { readonly forMs: number };
  }
}

interface TeeEntry extends LaneEntry {
  readonly stored: Stored;
  readonly onAnswer: (answer: OldAnswer | null) => void;
}

/**
 * Passes posts of boxes on to the old server while it has the role (docs/adr/0028). A post is on the disk before its box gets
 * a success, and is sent once: what the old server has not confirmed is owed to the shared collections instead.
 */
@Injectable()
export class PostTee implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(PostTee.name);
  /** In `/ready`. */
  readonly name = 'legacy_tee';
  readonly isInformative = true;
  /** null: LEGACY_TEE_URL is not set. */
  private readonly client: OldServerClient | null;
  private readonly store: TeeStore;
  private readonly owed: OwedPosts;
  private readonly lanes: TeeLanes<TeeEntry>;
  /** By vehicle. A contact that bounces sends several reports of one crash, each of which would end the old server. */
  private readonly lastCrash = new Map<
    string,
    { readonly recordId: string | null; readonly passing: Passing }
  >();
  /** One line a minute for each kind and outcome. */
  private readonly logLines = new KeyedTokenBuckets(1, 1 / 60);
  private adoptionPasses = 0;
  private wasStalled = false;

  constructor(
    private readonly roles: LegacyRoles,
    owed: OwedRepository,
    private readonly spool: PostSpool,
    private readonly ambulances: AmbulanceDirectory,
    private readonly crashes: CrashCollectionRepository,
    private readonly metrics: TeeMetrics,
    private readonly jobs: BackgroundJobs,
    private readonly lagMonitor: LagMonitor,
    private readonly clock: Clock,
    private readonly events: EventBus,
    @Inject(SETTINGS) { legacy }: Pick<Settings, 'legacy'>,
  ) {
    const { teeUrl, spool: directories } = legacy;
    this.client = teeUrl === null ? null : new OldServerClient(teeUrl);
    const nowMs = (): number => this.clock.nowMs();
    this.store = new TeeStore({
      root: join(directories.directory, 'tee'),
      maxBytes: directories.maxBytes,
      maxAgeMs: directories.maxAgeMs,
      nowMs,
      onOwed: (place, count) => this.owed.addLeft(place, count),
      onLeft: (posts) => this.takeOver(posts),
    });
    this.owed = new OwedPosts({ owed, store: this.store, onLost: (kind) => this.metrics.lost(kind) });
    this.lanes = new TeeLanes({
      send: (entry) => this.send(entry),
      isUp: async () => (await this.client?.isUp()) ?? false,
      hasStored: (entry) => this.hasStored(entry),
      onSettled: (entry, outcome, answer) => this.settle(entry, outcome, answer),
      nowMs,
    });
    events.subscribe('legacy-roles.adopted', () => this.onRole());
    events.share('legacy-tee.paused', { fromJson: (pause) => pause });
    events.subscribe('legacy-tee.paused', ({ forMs }) => this.lanes.pauseUntil(nowMs() + forMs));
  }

  async onModuleInit(): Promise<void> {
    if (!this.client) return;
    this.metrics.observe(this);
    this.lagMonitor.add(this);
    await this.store
      .ensureOpen()
      .catch((error: unknown) =>
        this.logger.error({ ...failureFields(error) }, 'directory of the tee not usable'),
      );
    this.jobs.start({
      name: 'legacy-tee-directory',
      intervalMs: MAINTENANCE_INTERVAL_MS,
      jitter: 0,
      run: () => this.store.ensureOpen(),
    });
    this.jobs.start({
      name: 'legacy-tee-segments',
      intervalMs: MAINTENANCE_INTERVAL_MS,
      run: () => this.store.trim(),
    });
    this.jobs.start({
      name: 'legacy-tee-adoption',
      intervalMs: MAINTENANCE_INTERVAL_MS,
      runsAtStart: true,
      run: () => this.adopt(),
    });
    this.jobs.start({
      name: 'legacy-tee-owed',
      intervalMs: MAINTENANCE_INTERVAL_MS,
      run: async () => {
        this.logStall();
        await this.owed.save();
      },
    });
  }

  async onApplicationShutdown(): Promise<void> {
    if (!this.client) return;
    const endMs = performance.now() + SHUTDOWN_LIMIT_MS;
    while (this.lanes.count > 0 && performance.now() < endMs) await sleep(20);
    if (this.waiting > 0)
      this.logger.warn(
        { posts: this.waiting },
        'posts for the old server stay on the disk; the next process passes them on',
      );
    await withTimeout(
      this.lanes.stop(),
      SHUTDOWN_LIMIT_MS,
      () => new Error('the old server does not answer'),
    ).catch(() => undefined);
    await this.store
      .close()
      .catch((error: unknown) => this.logger.warn({ err: error }, 'directory of the tee not closed'));
  }

  /** Posts that the old server has not got from elsewhere are passed on. */
  get isActive(): boolean {
    return this.client !== null && this.roles.role === 'old';
  }

  /**
   * Begins to pass a post on.
   * @param isKept false: it is lost when this process ends
   */
  pass(post: TeedPost, isKept = true): Passing {
    const { kind, vehicleId, recordId } = post;
    if (kind !== 'crash' || vehicleId === null) return this.passOne(post, isKept);
    const last = this.lastCrash.get(vehicleId);
    if (last?.recordId === recordId) return last.passing;
    const passing = this.passOne(post, isKept);
    this.lastCrash.set(vehicleId, { recordId, passing });
    return passing;
  }

  private passOne(post: TeedPost, isKept: boolean): Passing {
    if (!this.lanes.hasRoomFor(post)) {
      // What is owed must be known after a kill.
      const stored = isKept ? this.store.append(withoutBody(post)) : Promise.resolve(null);
      this.settle({ post, stored, sentAtMs: null, onAnswer: () => undefined }, 'refused', null);
      return { isKept: stored, answer: Promise.resolve(null) };
    }
    const stored = isKept ? this.store.append(post) : Promise.resolve(null);
    const answer = new Promise<OldAnswer | null>((resolve) =>
      this.lanes.add({ post, stored, sentAtMs: null, onAnswer: resolve }),
    );
    return { isKept: stored, answer };
  }

  /** Posts that are not settled, or whose owed record is not in storage yet. */
  get waiting(): number {
    return this.lanes.count + this.owed.count;
  }

  /** Age of the oldest waiting post; 0 without one. */
  get lagMs(): number {
    const { oldestMs } = this.lanes;
    return oldestMs === null ? 0 : Math.max(0, this.clock.nowMs() - oldestMs);
  }

  /**
   * Sends nothing to the old server for a time, on all instances, so that it can be stopped without a request in progress. A
   * command that paused and was killed has no lasting effect.
   * @param forMs 0: sends again
   */
  async pause(forMs: number): Promise<void> {
    await this.events.publishAndWait('legacy-tee.paused', { forMs });
  }

  /** For `/ready` and operators. */
  get state(): 'off' | 'idle' | 'passing' | 'paused' | 'held' | 'stalled' {
    if (!this.client) return 'off';
    if (this.isStalled) return 'stalled';
    if (this.lanes.isPaused) return 'paused';
    if (this.lanes.isHeld) return 'held';
    return this.isActive ? 'passing' : 'idle';
  }

  /** Nothing waits here, nor in the directory of a process that has ended. */
  get isDrained(): boolean {
    return !this.client || (this.waiting === 0 && this.adoptionPasses >= PASSES_TO_FIND_LEFT);
  }

  get inFlight(): number {
    return this.lanes.inFlight;
  }

  get detail(): Readonly<Record<string, unknown>> {
    const { state, waiting, isDrained } = this;
    return { state, waiting, isDrained, owed: this.owed.count, bytes: this.store.sizeBytes };
  }

  get issues(): readonly string[] {
    return [
      ...(this.isStalled ? ['tee.stalled'] : []),
      ...(this.store.isFailing || this.store.isFull ? ['tee.disk'] : []),
    ];
  }

  private get isStalled(): boolean {
    return this.lagMs > STALLED_AFTER_MS;
  }

  private async send({ post, stored }: TeeEntry): Promise<SendResult> {
    const { id, kind, contentType, body } = post;
    if (!this.client) return { kind: 'not-sent', error: new Error('LEGACY_TEE_URL is not set') };
    return this.client.post({
      path: PATH_OF[kind],
      contentType,
      body,
      limitMs: REQUEST_LIMIT_MS,
      beforeSending: () => this.store.markSent(id, stored),
    });
  }

  private async hasStored({ post, sentAtMs }: TeeEntry): Promise<boolean> {
    const { vehicleId } = post;
    const ids = await this.ambulances.resolve(vehicleId === null ? [] : [vehicleId]);
    const ambulanceId = ids.get(vehicleId ?? '');
    // The old server does not know the box either.
    if (ambulanceId === undefined) return false;
    return this.crashes.hasAnySince(ambulanceId, sentAtMs ?? post.receivedAtMs);
  }

  private settle({ post, stored, onAnswer }: TeeEntry, outcome: TeeOutcome, answer: OldAnswer | null): void {
    const { id, kind, receivedAtMs } = post;
    this.metrics.settled(kind, outcome);
    if (answer) this.metrics.answered(kind, this.clock.nowMs() - receivedAtMs);
    onAnswer(answer);
    const marked = this.store.mark(id, stored, outcome);
    if (outcome === 'taken') return void marked.then(() => this.store.settle(stored));
    if (kind === 'crash' || this.logLines.take(`${kind} ${outcome}`, this.clock.nowMs()) === 0)
      this.logger.warn(
        { post: kind, box: post.boxCode, outcome, receivedAt: new Date(receivedAtMs), ends: post.ends },
        'post not confirmed by the old server',
      );
    const item = owedItemOf(post, outcome);
    if (item) this.owed.add({ id, item, stored }, marked);
    else void marked.then(() => this.store.settle(stored));
  }

  /** Posts of a process that has ended. */
  private takeOver(posts: readonly LeftPost[]): void {
    for (const { post, stored, sentAtMs } of posts) {
      const entry = { post, stored, sentAtMs, onAnswer: () => undefined };
      const isRepeatable = post.kind === 'crash' && post.vehicleId !== null && !post.isRefused;
      if (sentAtMs !== null && !isRepeatable) this.settle(entry, 'uncertain', null);
      else if (post.isRefused || !this.lanes.hasRoomFor(post)) this.settle(entry, 'refused', null);
      else this.lanes.addEarlier(entry);
    }
  }

  private async adopt(): Promise<void> {
    // The requests of another deployment must not reach this old server.
    if (!this.spool.isClaimed) return;
    await this.store.adoptAbandoned();
    this.adoptionPasses += 1;
  }

  private onRole(): void {
    // A tee that is paused has no request in progress, and the old server has ended.
    const leftMs = this.lanes.isPaused ? 0 : DRAIN_LIMIT_MS;
    this.lanes.setDeadline(this.isActive ? null : this.clock.nowMs() + leftMs);
    if (this.isActive) this.lanes.pauseUntil(0);
  }

  private logStall(): void {
    if (this.isStalled === this.wasStalled) return;
    this.wasStalled = this.isStalled;
    const { waiting, lagMs } = this;
    if (this.wasStalled) this.logger.error({ waiting, lagMs }, 'the old server does not take posts');
    else this.logger.log({ waiting }, 'the old server takes posts again');
  }
}
