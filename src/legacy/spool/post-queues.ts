import { Logger } from '@nestjs/common';
import pLimit from 'p-limit';
import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import {
  AbandonedDirectories,
  DirectoryLostError,
  DurableQueue,
  QueueDirectory,
  type QueueRecord,
} from '../../core/index.js';

/** `set-aside`: requests that storage refused for another reason than an outage. The next process tries them again. */
export type QueueName = 'crash' | 'position' | 'picture' | 'set-aside';
export const QUEUE_NAMES: readonly QueueName[] = ['crash', 'position', 'picture', 'set-aside'];

interface QueueSet<N extends string> {
  readonly path: string;
  readonly queues: Readonly<Record<N, DurableQueue>>;
}

interface PostQueuesOptions<N extends string> {
  /** Directory that the processes of a deployment share. */
  readonly root: string;
  readonly names: readonly N[];
  /** Called with each queue of another process, after its segments are counted. */
  readonly onAdopted?: (queue: DurableQueue) => Promise<void>;
  /** Called after a segment was removed, with its path. */
  readonly onRemoved?: (path: string) => void;
}

/** A record is durable. */
export interface StoredRecord {
  readonly queue: DurableQueue;
  /** Of its segment. */
  readonly path: string;
}

/** The queues of this process, and those that it has taken over from processes that have ended. */
export class PostQueues<N extends string = QueueName> {
  private readonly logger = new Logger(PostQueues.name);
  private readonly abandoned: AbandonedDirectories;
  /** A stalled disk then holds one thread of libuv's pool. */
  private readonly oneFlush = pLimit(1);
  private own: { readonly directory: QueueDirectory; readonly set: QueueSet<N> } | null = null;
  /** Oldest first. */
  private adopted: QueueSet<N>[] = [];
  private reopening: Promise<void> | null = null;

  constructor(private readonly options: PostQueuesOptions<N>) {
    this.abandoned = new AbandonedDirectories(options.root);
  }

  /** Requests can be appended. */
  get isOpen(): boolean {
    return this.own !== null;
  }

  /** All queues with this name, oldest first. */
  named(name: N): DurableQueue[] {
    return this.sets.map(({ queues }) => queues[name]);
  }

  isEmpty(name: N): boolean {
    return this.named(name).every((queue) => queue.isEmpty);
  }

  count(name: N): number {
    return this.named(name).reduce((sum, queue) => sum + queue.count, 0);
  }

  /** Requests in all queues. */
  get total(): number {
    return this.options.names.reduce((sum, name) => sum + this.count(name), 0);
  }

  sizeBytes(name: N): number {
    return this.named(name).reduce((sum, queue) => sum + queue.sizeBytes, 0);
  }

  /** Arrival of the oldest request, epoch milliseconds; null without one. */
  get oldestMs(): number | null {
    const times = this.options.names.flatMap((name) =>
      this.named(name).flatMap(({ oldestMs }) => oldestMs ?? []),
    );
    return times.length === 0 ? null : Math.min(...times);
  }

  /**
   * Resolves when the record is durable. It can then be in the directory of this process and in one that another process has
   * taken from it.
   * @throws QueueBusyError, the error of the file system
   */
  async append(name: N, record: QueueRecord): Promise<void> {
    try {
      await this.appendOnce(name, record);
    } catch (error) {
      if (!(error instanceof DirectoryLostError) || !this.own) throw error;
      await this.append(name, record);
    }
  }

  /**
   * Resolves when the record is durable.
   * @throws DirectoryLostError when another process has taken the directory: it may have read the record; QueueBusyError, the
   *   error of the file system
   */
  async appendOnce(name: N, record: QueueRecord): Promise<StoredRecord> {
    if (this.reopening) await this.reopening;
    const { own } = this;
    if (!own) throw new DirectoryLostError('no directory');
    const queue = own.set.queues[name];
    try {
      return { queue, path: await queue.append(record) };
    } catch (error) {
      if (!(await this.isLost(own.directory))) throw error;
      // For example while this process was suspended.
      await this.reopen(own.directory);
      throw new DirectoryLostError('another process has taken the directory');
    }
  }

  /** @throws DirectoryLostError when the process owns no directory any more, the error of the file system */
  async assertOwned(): Promise<void> {
    if (!this.own) throw new DirectoryLostError('no directory');
    await this.own.directory.assertOwned();
  }

  /**
   * Creates the own directory, and again when another process has taken it. Call it every second: the other processes see by
   * it that this one lives. @throws the error of the file system
   */
  async ensureOpen(): Promise<void> {
    if (!this.own) await this.open();
    const directory = this.own?.directory;
    await directory?.touch().catch(async (error: unknown) => {
      if (!(error instanceof DirectoryLostError)) throw error;
      await this.reopen(directory);
    });
  }

  /** Takes over the directories of processes that have ended. Call it every second. @throws the error of the file system */
  async adoptAbandoned(): Promise<void> {
    await this.removeEmptySets();
    const directory = this.own?.directory;
    if (!directory) return;
    for (const name of await this.abandoned.find(directory.name))
      for (const path of await directory.adopt(name)) await this.addAdopted(path);
  }

  /** Lets another process take over at once what is left. */
  async close(): Promise<void> {
    if (!this.own) return;
    const { directory } = this.own;
    for (const name of this.options.names) for (const queue of this.named(name)) await queue.close();
    const isEmpty = this.options.names.every((name) => this.isEmpty(name));
    this.own = null;
    await directory.release(isEmpty);
  }

  private get sets(): readonly QueueSet<N>[] {
    return this.own ? [...this.adopted, this.own.set] : this.adopted;
  }

  private async open(): Promise<void> {
    const directory = await QueueDirectory.create(this.options.root);
    this.own = { directory, set: this.setAt(directory.path, () => directory.assertOwned()) };
  }

  private async isLost(directory: QueueDirectory): Promise<boolean> {
    return directory.assertOwned().then(
      () => false,
      (error: unknown) => error instanceof DirectoryLostError,
    );
  }

  private reopen(lost: QueueDirectory): Promise<void> {
    if (this.own && this.own.directory !== lost) return Promise.resolve();
    return (this.reopening ??= this.openAgain(lost).finally(() => (this.reopening = null)));
  }

  private async openAgain(lost: QueueDirectory): Promise<void> {
    this.logger.warn({ directory: lost.path }, 'another process has taken over the spool of this one');
    this.own = null;
    // Their files are with the other process.
    this.adopted = [];
    await this.open();
  }

  private async addAdopted(path: string): Promise<void> {
    const set = this.setAt(path);
    for (const name of this.options.names) await set.queues[name].open();
    const posts = this.options.names.reduce((sum, name) => sum + set.queues[name].count, 0);
    if (posts > 0) this.logger.log({ path, posts }, 'requests in the spool of an earlier process taken over');
    this.adopted = [...this.adopted, set];
    for (const name of this.options.names) await this.options.onAdopted?.(set.queues[name]);
  }

  private async removeEmptySets(): Promise<void> {
    for (const set of this.adopted) {
      if (!this.options.names.every((name) => set.queues[name].isEmpty)) continue;
      this.adopted = this.adopted.filter((each) => each !== set);
      await rm(set.path, { recursive: true, force: true });
    }
  }

  private setAt(path: string, assertOwned?: () => Promise<void>): QueueSet<N> {
    const { names, onRemoved } = this.options;
    const queueAt = (name: N): DurableQueue =>
      new DurableQueue({
        directory: join(path, name),
        turn: (work) => this.oneFlush(work),
        ...(assertOwned && { assertOwned }),
        ...(onRemoved && { onRemoved }),
      });
    return {
      path,
      queues: Object.fromEntries(names.map((name) => [name, queueAt(name)])) as Record<N, DurableQueue>,
    };
  }
}
