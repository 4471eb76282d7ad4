import { Injectable, Logger } from '@nestjs/common';
import { failureFields } from '../../core/index.js';
import { OwedRepository } from '../owed/owed.repository.js';
import type { TeedPost, TeeOutcome } from './teed-post.js';

interface Owing {
  readonly post: Omit<TeedPost, 'body'>;
  readonly outcome: TeeOutcome;
  /** Called when it is durable. */
  readonly onDurable: () => void;
}

/** Adds posts that the old server has not confirmed to the owed records, in the order of their outcome, as soon as storage takes them. */
@Injectable()
export class OwedPosts {
  private readonly logger = new Logger(OwedPosts.name);
  private readonly waiting: Owing[] = [];
  private saving: Promise<void> | null = null;
  private isFailing = false;

  constructor(private readonly owed: OwedRepository) {}

  get count(): number {
    return this.waiting.length;
  }

  add(owing: Owing): void {
    this.waiting.push(owing);
    if (!this.isFailing) void this.save();
  }

  /** Call it every second: after an error of storage the items wait for it. Never rejects. */
  save(): Promise<void> {
    return (this.saving ??= this.saveAll().finally(() => (this.saving = null)));
  }

  private async saveAll(): Promise<void> {
    for (let [next] = this.waiting; next; [next] = this.waiting) {
      try {
        await this.saveOne(next);
      } catch (error) {
        if (!this.isFailing) this.logger.warn({ ...failureFields(error) }, 'owed records wait for storage');
        this.isFailing = true;
        return;
      }
      this.isFailing = false;
      this.waiting.shift();
      next.onDurable();
    }
  }

  private async saveOne({ post, outcome }: Owing): Promise<void> {
    const { kind, vehicleId, recordId, receivedAtMs } = post;
    if (vehicleId === null || recordId === null) return;
    await this.owed.add({ kind, vehicleId, recordId, at: new Date(receivedAtMs), reason: `tee: ${outcome}` });
  }
}
