import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import {
  BackgroundJobs,
  Clock,
  DomainError,
  failureFields,
  LagMonitor,
  type QueueRecord,
  withTimeout,
} from '../../core/index.js';
import { DatabaseConnection, storageUnavailable } from '../../database/index.js';
import { type LegacyPostKind, POST_KINDS } from '../legacy-metrics.js';
import { type BoxPost, encodePost } from './box-post.js';
import { BoxPostWriter, type WriteResult } from './box-post-writer.js';
import { PostQueues, QUEUE_NAMES, type QueueName } from './post-queues.js';
import { claimDirectory } from './spool-directory.js';
import { SpoolMetrics, type SpoolRefusal } from './spool-metrics.js';
import { isTemporary } from './temporary-errors.js';

/** The programs of the boxes wait 3 s for an answer and have no second attempt. */
const STORAGE_LIMIT_MS = 1_000;
/** With it and the read of the box codes, a box has its answer within 2 s. */
const DISK_LIMIT_MS = 600;
const MAINTENANCE_INTERVAL_MS = 1_000;
/** Share of the spool that pictures may use: the rest is for positions and crashes, which are small and matter more. */
const PICTURES_SHARE = 0.9;
/** Share of one vehicle: every client that has its code can send as its box. */
const VEHICLE_SHARE = 0.25;
/** A larger request waits for storage, as without a spool. */
const MAX_POST_BYTES = 16_000_000;

/** `spooled`: durable on the disk of this instance, and stored later. */
export type SubmitResult = WriteResult | 'spooled';

/**
 * Boxes never repeat a request. When storage does not take one within a second, it becomes durable in files on the local disk
 * (docs/adr/0018) and gets its success. While requests of a kind wait there, further ones of this kind follow them, so the
 * order stays. `SpoolDrainer` stores them when storage answers again.
 */
@Injectable()
export class PostSpool implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(PostSpool.name);
  /** In `/ready`. */
  readonly name = 'legacy-spool';
  readonly queues: PostQueues;
  /** Writes that took too long and go on, by the id of their request; true: it was stored. */
  private readonly slowWrites = new Map<string, Promise<boolean>>();
  private readonly bytesByVehicle = new Map<string, number>();
  private outage: { readonly sinceMs: number; spooled: number } | null = null;
  private drainedCount = 0;
  private lastRefusal: SpoolRefusal | null = null;
  private isFailing = false;
  private belongsHere: boolean | null = null;

  constructor(
    private readonly writer: BoxPostWriter,
    private readonly database: DatabaseConnection,
    private readonly metrics: SpoolMetrics,
    private readonly jobs: BackgroundJobs,
    private readonly lagMonitor: LagMonitor,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    this.queues = new PostQueues({ root: settings.legacy.spool.directory, names: QUEUE_NAMES });
  }

  get isEnabled(): boolean {
    return this.settings.legacy.spool.maxBytes > 0;
  }

  async onModuleInit(): Promise<void> {
    if (!this.isEnabled) return;
    const { directory } = this.settings.legacy.spool;
    this.metrics.observe(this);
    this.lagMonitor.add(this);
    await this.ensureOpen().catch((error: unknown) =>
      this.logger.error({ ...failureFields(error), directory }, 'spool of the old boxes not usable'),
    );
    this.jobs.start({
      name: 'legacy-spool-directory',
      intervalMs: MAINTENANCE_INTERVAL_MS,
      jitter: 0,
      run: () => this.ensureOpen(),
    });
    this.jobs.start({
      name: 'legacy-spool-adoption',
      intervalMs: MAINTENANCE_INTERVAL_MS,
      runsAtStart: true,
      run: () => this.queues.adoptAbandoned(),
    });
  }

  async onApplicationShutdown(): Promise<void> {
    if (!this.isEnabled) return;
    const posts = this.queues.total;
    if (posts > 0)
      this.logger.warn(
        { posts },
        'requests stay in the spool; the next process on its directory stores them',
      );
    await withTimeout(this.queues.close(), DISK_LIMIT_MS, diskTooSlow).catch((error: unknown) =>
      this.logger.warn({ err: error }, 'spool not closed'),
    );
  }

  /**
   * Resolves when the request is durable: in storage, or in the spool.
   * @throws storage/unavailable when neither takes it; what the writer throws
   */
  async submit(post: BoxPost): Promise<SubmitResult> {
    if (!this.queues.isOpen || this.isForeign) return this.write(post);
    if (!this.database.hasStarted) return this.spool(post);
    if (!this.queues.isEmpty(post.kind)) {
      // Out of order is better than lost.
      return this.spool(post).catch(() => this.writeInTime(post));
    }
    try {
      return await this.writeInTime(post);
    } catch (error) {
      if (!isTemporary(error)) throw error;
      return this.spool(post);
    }
  }

  /**
   * Marks the directory as one of this deployment.
   * @param deploymentId null: not known
   * @returns false when it belongs to another one: its requests must not get into this database
   */
  async claim(deploymentId: string | null): Promise<boolean> {
    const { directory } = this.settings.legacy.spool;
    this.belongsHere = await claimDirectory(directory, deploymentId);
    if (this.isForeign) this.logger.error({ directory }, 'LEGACY_SPOOL_DIR belongs to another deployment');
    return this.belongsHere;
  }

  /** The directory is known to belong to this deployment. */
  get isClaimed(): boolean {
    return this.belongsHere === true;
  }

  private get isForeign(): boolean {
    return this.belongsHere === false;
  }

  /** Waits for a write that took too long. @returns whether it has stored the request */
  async finishSlowWrite(id: string): Promise<boolean> {
    const isStored = (await this.slowWrites.get(id)) ?? false;
    this.slowWrites.delete(id);
    return isStored;
  }

  /** Called when a request of the spool is stored. @param kind null: it was unreadable and set aside */
  noteDrained(kind: LegacyPostKind | null, { key, payload }: QueueRecord): void {
    if (kind) this.metrics.drained(kind);
    this.drainedCount += 1;
    this.addBytes(key, -payload.length);
  }

  /** Called when a queue was found empty. */
  noteEmpty(): void {
    if (!POST_KINDS.every((kind) => this.queues.isEmpty(kind))) return;
    this.bytesByVehicle.clear();
    this.slowWrites.clear();
    this.lastRefusal = null;
    const { outage, drainedCount } = this;
    [this.outage, this.drainedCount] = [null, 0];
    if (!outage && drainedCount === 0) return;
    const durationS = outage ? Math.round((this.clock.nowMs() - outage.sinceMs) / 1_000) : 0;
    this.logger.log(
      { spooled: outage?.spooled ?? 0, drained: drainedCount, durationS },
      'spool of the old boxes is empty: every request is stored',
    );
  }

  /** For metrics. */
  count(name: QueueName): number {
    return this.queues.count(name);
  }

  get sizeBytes(): number {
    return QUEUE_NAMES.reduce((sum, name) => sum + this.queues.sizeBytes(name), 0);
  }

  get ageMs(): number {
    const { oldestMs } = this.queues;
    return oldestMs === null ? 0 : Math.max(0, this.clock.nowMs() - oldestMs);
  }

  get lagMs(): number {
    return this.ageMs;
  }

  get detail(): Readonly<Record<string, unknown>> {
    const { maxBytes } = this.settings.legacy.spool;
    const posts = this.queues.total;
    return { posts, bytes: this.sizeBytes, maxBytes, setAside: this.queues.count('set-aside') };
  }

  /** `full`: it refuses requests. `failing`: its disk does not take them. `foreign`: that of another deployment. */
  get issues(): readonly string[] {
    if (this.isForeign) return ['legacy-spool.foreign'];
    if (this.isFailing || this.lastRefusal === 'disk') return ['legacy-spool.failing'];
    return this.lastRefusal === 'full' || this.lastRefusal === 'age' ? ['legacy-spool.full'] : [];
  }

  /** @throws storage/unavailable */
  private async write(post: BoxPost): Promise<WriteResult> {
    // Before the start ends the live markers are not loaded.
    if (!this.database.hasStarted) throw storageUnavailable();
    return this.writer.write(post);
  }

  private writeInTime(post: BoxPost): Promise<WriteResult> {
    const writing = this.write(post);
    return withTimeout(writing, STORAGE_LIMIT_MS, () => {
      const isStored = writing.then(
        () => true,
        () => false,
      );
      this.slowWrites.set(post.id, isStored);
      return storageUnavailable(new Error(`not stored within ${STORAGE_LIMIT_MS} ms`));
    });
  }

  /** @throws storage/unavailable */
  private async spool(post: BoxPost): Promise<SubmitResult> {
    const payload = encodePost(post);
    try {
      this.assertRoom(post, payload.length);
      this.outage ??= this.beginOutage();
      this.outage.spooled += 1;
      const record = { key: post.vehicleId, atMs: post.receivedAtMs, payload };
      await withTimeout(this.queues.append(post.kind, record), DISK_LIMIT_MS, diskTooSlow);
    } catch (error) {
      this.slowWrites.delete(post.id);
      throw error instanceof DomainError ? error : this.refusal('disk', error);
    }
    // While pictures are refused, positions may still have room.
    if (this.lastRefusal !== 'full' || post.kind === 'picture') this.lastRefusal = null;
    this.addBytes(post.vehicleId, payload.length);
    return 'spooled';
  }

  private beginOutage(): NonNullable<PostSpool['outage']> {
    const waiting = this.queues.total;
    this.logger.warn(
      { waiting },
      waiting === 0
        ? 'storage does not take requests of old boxes in time: they wait in the spool'
        : 'requests of old boxes wait in the spool behind those of an earlier process',
    );
    return { sinceMs: this.clock.nowMs(), spooled: 0 };
  }

  private assertRoom({ kind, vehicleId }: BoxPost, sizeBytes: number): void {
    const { maxBytes, maxAgeMs } = this.settings.legacy.spool;
    if (sizeBytes > MAX_POST_BYTES) throw this.refusal('share');
    if (this.ageMs > maxAgeMs) throw this.refusal('age');
    const limit = kind === 'picture' ? PICTURES_SHARE * maxBytes : maxBytes;
    if (this.sizeBytes + sizeBytes > limit) throw this.refusal('full');
    if ((this.bytesByVehicle.get(vehicleId) ?? 0) + sizeBytes > VEHICLE_SHARE * maxBytes)
      throw this.refusal('share');
  }

  private refusal(reason: SpoolRefusal, cause?: unknown): DomainError {
    this.metrics.refused(reason);
    if (this.lastRefusal !== reason)
      this.logger.error(
        { reason, ...(cause !== undefined && failureFields(cause)) },
        'spool refuses requests',
      );
    this.lastRefusal = reason;
    return storageUnavailable(cause);
  }

  private addBytes(vehicleId: string, sizeBytes: number): void {
    const bytes = (this.bytesByVehicle.get(vehicleId) ?? 0) + sizeBytes;
    if (bytes > 0) this.bytesByVehicle.set(vehicleId, bytes);
    else this.bytesByVehicle.delete(vehicleId);
  }

  private async ensureOpen(): Promise<void> {
    try {
      await this.queues.ensureOpen();
      this.isFailing = false;
    } catch (error) {
      this.isFailing = true;
      throw error;
    }
  }
}

const diskTooSlow = (): Error => new Error(`the disk of the spool took over ${DISK_LIMIT_MS} ms`);
