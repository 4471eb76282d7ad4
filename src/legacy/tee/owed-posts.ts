import { Injectable, Logger } from '@nestjs/common';
import { failureFields } from '../../core/index.js';
import { type OwedItem, OwedRepository } from '../owed/owed.repository.js';
import type { TeedPost, TeeOutcome } from './teed-post.js';

interface Waiting {
  /** null: this service has no record of the post. */
  readonly item: OwedItem | null;
  readonly onDurable: () => void;
}

/** Adds posts that the old server has not confirmed to the owed records, in the order of their outcome, as soon as storage takes them. */
@Injectable()
export class OwedPosts {
  private readonly logger = new Logger(OwedPosts.name);
  private readonly waiting: Waiting[] = [];
  private saving: Promise<void> | null = null;
  private isFailing = false;

  constructor(private readonly owed: OwedRepository) {}

  get count(): number {
    return this.waiting.length;
  }

  /** @param onDurable called when the record is in storage, or none is needed */
  add(post: TeedPost, outcome: TeeOutcome, onDurable: () => void): void {
    this.waiting.push({ item: itemOf(post, outcome), onDurable });
    if (!this.isFailing) void this.save();
  }

  /** Call it every second: after an error of storage the items wait for it. Never rejects. */
  save(): Promise<void> {
    return (this.saving ??= this.saveAll().finally(() => (this.saving = null)));
  }

  private async saveAll(): Promise<void> {
    for (let [next] = this.waiting; next; [next] = this.waiting) {
      try {
        if (next.item) await this.owed.add(next.item);
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
}

function itemOf({ kind, vehicleId, recordId, receivedAtMs }: TeedPost, outcome: TeeOutcome): OwedItem | null {
  if (vehicleId === null || recordId === null) return null;
  return { kind, vehicleId, recordId, at: new Date(receivedAtMs), reason: `tee: ${outcome}` };
}
