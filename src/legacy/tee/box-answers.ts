import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Clock, withTimeout } from '../../core/index.js';
import { storageUnavailable } from '../../database/index.js';
import { boxCodeIn, type LegacyFields } from '../legacy-fields.js';
import { LegacyMetrics, type LegacyPostKind } from '../legacy-metrics.js';
import type { PostSource } from '../mirrored-posts/post-source.js';
import { endingClassOf } from './ending-posts.js';
import { HOP_HEADER, type OldAnswer } from './old-server-client.js';
import { PostTee } from './post-tee.service.js';
import type { Passing } from './teed-post.js';
import { TeeMetrics } from './tee-metrics.js';

/** The programs of the boxes wait for 2 or 3 s, or for ever. */
const ANSWER_LIMIT_MS = 1_500;
/** Of the disk of the tee, after the post is stored here. */
const KEPT_LIMIT_MS = 600;

/** A post that this service, or another one, has passed on came back. Answered with 508. */
export class LoopError extends Error {
  constructor() {
    super('a request that was passed on to the old server came back');
  }
}

/** A request of a box, as it arrived. */
export interface ReceivedPost {
  readonly kind: LegacyPostKind;
  readonly source: PostSource;
  /** By `performance.now()`, when its body was complete. */
  readonly fromMs: number;
  readonly contentType: string | null;
  readonly body: Buffer;
  readonly fields: LegacyFields;
  readonly filenames?: readonly string[];
}

/** Whether a vehicle has the box of a post; else the answer of the old server, when it was asked. */
export type PostResult = 'known' | 'unknown' | OldAnswer;

/** What this service makes of a post of a vehicle. */
export interface OwnRecord {
  readonly vehicleId: string;
  readonly receivedAtMs: number;
  /** As in `OwedItem`; null: nothing is stored. */
  readonly recordId: string | null;
}

export function receivedPost(
  request: IncomingMessage,
  post: Omit<ReceivedPost, 'fromMs' | 'contentType'>,
): ReceivedPost {
  return { ...post, fromMs: performance.now(), contentType: request.headers['content-type'] ?? null };
}

/** @throws LoopError */
export function refuseLoop(request: IncomingMessage): void {
  if (request.headers[HOP_HEADER] !== undefined) throw new LoopError();
}

/**
 * When a box gets its answer while two servers take its posts: as soon as this service has the post durable and it is on the disk
 * for the old server, or the old server has taken it; after 1.5 s it is a failure. Without the tee: when this service has it.
 */
@Injectable()
export class BoxAnswers {
  constructor(
    private readonly tee: PostTee,
    private readonly posts: LegacyMetrics,
    private readonly metrics: TeeMetrics,
    private readonly clock: Clock,
  ) {}

  /**
   * @param write stores the post, and counts it
   * @throws storage/unavailable, what `write` throws
   */
  async whenSafe(post: ReceivedPost, record: OwnRecord, write: () => Promise<void>): Promise<void> {
    if (!this.isPassedOn(post)) return write();
    const passing = this.pass(post, record);
    const ours = this.writeAndKeep(post, passing, write);
    const theirs = passing.answer.then((answer) => {
      if (answer?.status !== 200) throw storageUnavailable();
      return 'theirs' as const;
    });
    try {
      const first = await withTimeout(Promise.any([ours, theirs]), this.restOf(post), storageUnavailable);
      if (first === 'theirs') ours.catch(() => this.posts.post(post.kind, 'passed_on', post.source.origin));
    } catch (error) {
      // That of this service; `Promise.any` keeps the order.
      const [own] = error instanceof AggregateError ? (error.errors as Error[]) : [error as Error];
      throw own ?? storageUnavailable();
    }
  }

  /**
   * Finds the vehicle of a box. The post of a box that is not found, or not in time, is passed on to the old server.
   * @returns the id of the vehicle, or the old server's answer; null: unknown, and not for the old server
   * @throws storage/unavailable: neither answers in time
   */
  async findBox(
    post: ReceivedPost,
    find: (code: string | null) => Promise<string | null>,
  ): Promise<string | OldAnswer | null> {
    let failure: unknown = null;
    try {
      const vehicleId = await find(boxCodeIn(post.fields));
      if (vehicleId !== null) return vehicleId;
    } catch (error) {
      failure = error;
    }
    const answer = await this.relay(post);
    if (failure !== null && answer === null) throw failure as Error;
    return answer;
  }

  private async relay(post: ReceivedPost): Promise<OldAnswer | null> {
    const boxCode = boxCodeIn(post.fields);
    if (boxCode === null || !this.isPassedOn(post) || endingClassOf(post) !== null) return null;
    const unknown = { vehicleId: null, receivedAtMs: this.clock.nowMs(), recordId: null };
    const { answer } = this.pass(post, unknown);
    const found = await withTimeout(answer, this.restOf(post), storageUnavailable);
    if (!found) throw storageUnavailable();
    return found;
  }

  private isPassedOn({ source }: ReceivedPost): boolean {
    return source.origin === 'direct' && this.tee.isActive;
  }

  private pass(
    post: ReceivedPost,
    record: {
      readonly vehicleId: string | null;
      readonly receivedAtMs: number;
      readonly recordId: string | null;
    },
  ): Passing {
    const { kind, contentType, body, fields } = post;
    const boxCode = boxCodeIn(fields) ?? '';
    const teed = { id: randomUUID(), kind, boxCode, ...record, contentType, ends: endingClassOf(post), body };
    // Anyone can make up a code: only an alarm of an unknown box is worth the disk.
    return this.tee.pass(teed, record.vehicleId !== null || kind === 'crash');
  }

  private async writeAndKeep(
    { kind }: ReceivedPost,
    { isKept }: Passing,
    write: () => Promise<void>,
  ): Promise<'ours'> {
    await write();
    const fromMs = performance.now();
    await withTimeout(isKept, KEPT_LIMIT_MS, storageUnavailable).catch(() => undefined);
    this.metrics.added(kind, performance.now() - fromMs);
    return 'ours';
  }

  private restOf({ fromMs }: ReceivedPost): number {
    return Math.max(0, ANSWER_LIMIT_MS - (performance.now() - fromMs));
  }
}
