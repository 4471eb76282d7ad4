import { Inject, Injectable, Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { SETTINGS, type Settings } from '../../config/index.js';
import { ClientAddresses, Clock, KeyedTokenBuckets, type SharedRate, SharedRates } from '../../core/index.js';
import type { LegacyPostKind } from '../legacy-metrics.js';

/** Requests beyond a rate that a burst can have, as seconds of that rate. */
const BURST_S = 5;
/** A box can report from several addresses: its mobile network changes them. */
const ADDRESSES_PER_BOX = 4;

/** More requests than a limit allows. Answered with 429 and `Retry-After`. */
export class TooManyPostsError extends Error {
  constructor(readonly retryAfterMs: number) {
    super('too many requests');
  }
}

/** A post whose rate is limited for each box. */
type LimitedPost = 'position' | 'picture';

/**
 * Limits the requests of old boxes, which have no token: for each address, and for each box. The rate of a box counts for
 * each address alone, because a client elsewhere that sends with the box's code must not use up the box's own rate. All
 * addresses together have four times that rate. All instances have these rates in common.
 */
@Injectable()
export class PostLimits {
  private readonly logger = new Logger(PostLimits.name);
  private readonly ofAddress: SharedRate;
  private readonly ofBoxAtAddress: Readonly<Record<LimitedPost, SharedRate>>;
  private readonly ofBox: Readonly<Record<LimitedPost, SharedRate>>;
  /** One log line a minute for each address. */
  private readonly logLines = new KeyedTokenBuckets(1, 1 / 60);

  constructor(
    private readonly addresses: ClientAddresses,
    private readonly clock: Clock,
    rates: SharedRates,
    @Inject(SETTINGS) { legacy }: Pick<Settings, 'legacy'>,
  ) {
    const { positionsPerS, picturePostsPerS } = legacy.boxes;
    const add = (name: string, perSecond: number): SharedRate =>
      rates.add(`box-${name}`, BURST_S * perSecond, perSecond);
    this.ofAddress = add('posts-of-address', legacy.boxes.postsPerSOfAddress);
    this.ofBoxAtAddress = {
      position: add('positions-at-address', positionsPerS),
      picture: add('pictures-at-address', picturePostsPerS),
    };
    this.ofBox = {
      position: add('positions', ADDRESSES_PER_BOX * positionsPerS),
      picture: add('pictures', ADDRESSES_PER_BOX * picturePostsPerS),
    };
  }

  /**
   * Called before the body is read. Each kind counts apart: a client with many positions must not keep the crash alarm of a
   * box behind the same address away.
   * @throws TooManyPostsError
   */
  checkAddress(post: LegacyPostKind, request: IncomingMessage): void {
    const network = this.addresses.networkOf(request);
    this.check(this.ofAddress.take(`${post} ${network}`), network, null);
  }

  /** @param vehicleId of the vehicle that has the box @throws TooManyPostsError */
  checkBox(post: LimitedPost, vehicleId: string, request: IncomingMessage): void {
    const network = this.addresses.networkOf(request);
    this.check(this.ofBoxAtAddress[post].take(`${vehicleId} ${network}`), network, vehicleId);
    this.check(this.ofBox[post].take(vehicleId), network, vehicleId);
  }

  private check(waitMs: number, address: string, vehicleId: string | null): void {
    if (waitMs === 0) return;
    if (this.logLines.take(address, this.clock.nowMs()) === 0) {
      this.logger.warn({ address, vehicleId }, 'requests of an old box refused: over the rate limit');
    }
    throw new TooManyPostsError(waitMs);
  }
}
