import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { BackgroundJobs, type DurableQueue, failureFields, type QueueRecord } from '../../core/index.js';
import { DatabaseConnection, DeploymentIdService } from '../../database/index.js';
import { type BoxPost, decodePost, type PositionPost } from './box-post.js';
import { BoxPostWriter } from './box-post-writer.js';
import { PostSpool } from './post-spool.service.js';
import { QUEUE_NAMES, type QueueName } from './post-queues.js';
import { SpoolMetrics } from './spool-metrics.js';
import { isTemporary } from './temporary-errors.js';

const INTERVAL_MS = 1_000;
/** Records that are stored together. A batch begins with one record and doubles: after an outage storage may be slow. */
const MAX_BATCH: Readonly<Record<QueueName, number>> = {
  crash: 8,
  // One group commit; live positions share it or the next one.
  position: 500,
  // Vehicles at the same time. The decoder takes one picture at a time, and in turn for the vehicles.
  picture: 8,
  'set-aside': 8,
};

interface DecodedRecord {
  readonly record: QueueRecord;
  /** null: unreadable. */
  readonly post: BoxPost | null;
}

/**
 * Stores the requests of the spool when storage answers: one job for each queue, in the order of arrival. A request that storage
 * refuses for another reason than an outage is set aside, so that it does not hold up the others.
 */
@Injectable()
export class SpoolDrainer implements OnApplicationBootstrap {
  private readonly logger = new Logger(SpoolDrainer.name);
  /** null: not known yet. */
  private belongsHere: boolean | null = null;
  /** Records of the oldest segment that are stored. */
  private readonly progress = new WeakMap<DurableQueue, { path: string; done: number }>();

  constructor(
    private readonly spool: PostSpool,
    private readonly writer: BoxPostWriter,
    private readonly database: DatabaseConnection,
    private readonly deployment: DeploymentIdService,
    private readonly metrics: SpoolMetrics,
    private readonly jobs: BackgroundJobs,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.spool.isEnabled) return;
    for (const name of QUEUE_NAMES) {
      this.jobs.start({
        name: `legacy-spool-${name}`,
        intervalMs: INTERVAL_MS,
        startsAfter: () => this.database.whenStarted(),
        run: (signal) => this.drain(name, signal),
      });
    }
  }

  /** @throws the temporary error of a record: it and those after it stay */
  private async drain(name: QueueName, signal: AbortSignal): Promise<void> {
    this.belongsHere ??= await this.spool.claim(await this.deployment.find());
    if (!this.belongsHere) return;
    const queues = this.spool.queues.named(name);
    // What this process has set aside waits for the next one.
    if (name === 'set-aside') queues.pop();
    for (const queue of queues) while (!signal.aborted && (await this.drainSegment(name, queue, signal)));
    this.spool.noteEmpty();
  }

  /** @returns false when the queue is empty */
  private async drainSegment(name: QueueName, queue: DurableQueue, signal: AbortSignal): Promise<boolean> {
    const segment = queue.isEmpty ? null : await queue.readOldest();
    if (!segment) return false;
    let progress = this.progress.get(queue);
    if (progress?.path !== segment.path) {
      progress = { path: segment.path, done: 0 };
      this.progress.set(queue, progress);
      for (const range of segment.damaged) this.reportDamage(segment.path, range);
    }
    for (let size = 1; progress.done < segment.records.length; size = Math.min(2 * size, MAX_BATCH[name])) {
      if (signal.aborted) return true;
      const batch = segment.records.slice(progress.done, progress.done + size).map(decoded);
      await this.store(name, batch);
      progress.done += batch.length;
    }
    await queue.removeOldest();
    return true;
  }

  private async store(name: QueueName, batch: readonly DecodedRecord[]): Promise<void> {
    const waiting: DecodedRecord[] = [];
    for (const each of batch)
      if (!each.post || !(await this.spool.finishSlowWrite(each.post.id))) waiting.push(each);
    if (name === 'position' && waiting.length > 1 && (await this.storePositions(waiting))) waiting.length = 0;
    // Those of one vehicle one after the other.
    const byVehicle = new Map<string, DecodedRecord[]>();
    for (const each of waiting) {
      const { key } = each.record;
      byVehicle.set(key, [...(byVehicle.get(key) ?? []), each]);
    }
    const outcomes = await Promise.allSettled([...byVehicle.values()].map((each) => this.storeInOrder(each)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    for (const { record, post } of batch) this.spool.noteDrained(post?.kind ?? null, record);
  }

  /** @returns false when one of them must be set aside: then each is stored alone */
  private async storePositions(batch: readonly DecodedRecord[]): Promise<boolean> {
    try {
      const posts = batch.map(({ post }) => post);
      if (!posts.every((post): post is PositionPost => post?.kind === 'position')) return false;
      await this.writer.writePositions(posts);
      return true;
    } catch (error) {
      if (isTemporary(error)) throw error;
      return false;
    }
  }

  private async storeInOrder(batch: readonly DecodedRecord[]): Promise<void> {
    for (const { record, post } of batch) {
      try {
        if (!post) throw new Error('the request is unreadable');
        await this.writer.write(post);
      } catch (error) {
        if (isTemporary(error)) throw error;
        await this.setAside(record, error);
      }
    }
  }

  private async setAside(record: QueueRecord, error: unknown): Promise<void> {
    await this.spool.queues.append('set-aside', record);
    this.logger.error(
      { ...failureFields(error), vehicleId: record.key, receivedAt: new Date(record.atMs) },
      'request of an old box set aside: storage refuses it; the next start tries again',
    );
  }

  private reportDamage(path: string, range: { offset: number; sizeBytes: number; isTail: boolean }): void {
    if (range.isTail) {
      this.logger.warn({ path, ...range }, 'end of a spool file dropped: its write was interrupted');
      return;
    }
    this.metrics.damaged();
    this.logger.error({ path, ...range }, 'bytes of a spool file have changed: the requests there are lost');
  }
}

function decoded(record: QueueRecord): DecodedRecord {
  try {
    return { record, post: decodePost(record.payload) };
  } catch {
    return { record, post: null };
  }
}
