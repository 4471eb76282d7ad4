import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SETTINGS, type Settings } from '../../config/index.js';
import {
  type BytesHold,
  ClientAddresses,
  Clock,
  DomainError,
  FairSlots,
  InFlightBytes,
  readBytes,
} from '../../core/index.js';
import { boxCodeIn, type LegacyFields } from '../legacy-fields.js';
import { LegacyMetrics } from '../legacy-metrics.js';
import type { PostSource } from '../mirrored-posts/post-source.js';
import { RecentRequests } from '../mirrored-posts/recent-requests.js';
import { LegacyRoles } from '../roles/legacy-roles.js';
import { PostSpool } from '../spool/post-spool.service.js';
import { BoxAnswers, type PostResult, receivedPost, type ReceivedPost } from '../tee/box-answers.js';
import { BoxDirectory } from './box-directory.js';
import { dialectOf, readLegacyBody } from './legacy-body.js';
import { type LegacyForm, parseLegacyForm } from './legacy-form.js';
import { PostLimits } from './post-limits.js';

const MAX_FILES = 12;
/** Of a request. It is held in memory: a box sends at most 0.5 MB. */
const MAX_BYTES = 2_000_000;
/** `RequestBodyInterceptor` has counted this many bytes of the request already. A request of a box is smaller. */
const COUNTED_BYTES = 65_536;
/** Age that a request can have without being cut for others. A box sends two small pictures. */
const SAFE_AGE_MS = 5_000;

/** A picture request that is no form. The old server failed, because it looked for files. Answered with 500. */
export class NoFormError extends Error {}

/** Receives the picture requests of old boxes. */
@Injectable()
export class BoxPicturesService {
  private readonly reads: FairSlots;
  private readonly lastMs = new Map<string, number>();

  constructor(
    private readonly boxes: BoxDirectory,
    private readonly spool: PostSpool,
    private readonly answers: BoxAnswers,
    private readonly metrics: LegacyMetrics,
    private readonly limits: PostLimits,
    private readonly addresses: ClientAddresses,
    private readonly inFlight: InFlightBytes,
    private readonly requests: RecentRequests,
    private readonly roles: LegacyRoles,
    private readonly clock: Clock,
    @Inject(SETTINGS) { legacy }: Settings,
  ) {
    this.reads = new FairSlots(legacy.boxes.picturePostsAtOnce, SAFE_AGE_MS);
  }

  /**
   * Resolves when every picture of the request that can be stored is durable, in storage or in the spool.
   * @throws UnreadableBodyError, NoFormError, TooManyPostsError, storage/unavailable, and temporary errors `images/…`
   */
  async ingest(
    request: IncomingMessage,
    source: PostSource,
  ): Promise<{ readonly fields: LegacyFields; readonly result: PostResult }> {
    // The pictures are in memory until they are stored.
    const hold = this.inFlight.open(this.addresses.networkOf(request), () => request.destroy());
    try {
      const { body, form } = await this.read(request, hold);
      const { fields, files } = form;
      const filenames = files.map(({ filename }) => filename);
      const post = receivedPost(request, { kind: 'picture', source, fields, body, filenames });
      return { fields, result: await this.store(request, post, files) };
    } finally {
      hold.release();
    }
  }

  private async store(
    request: IncomingMessage,
    received: ReceivedPost,
    files: LegacyForm['files'],
  ): Promise<PostResult> {
    const { fields, source } = received;
    const vehicleId = await this.answers.findBox(received, (code) => this.boxes.find(code));
    if (typeof vehicleId !== 'string') return vehicleId ?? 'unknown';
    const boxCode = boxCodeIn(fields) ?? '';
    this.limits.checkBox('picture', vehicleId, request);
    const arrival = this.requests.arrivalOf('picture', vehicleId, source.requestId, () => ({
      id: randomUUID(),
      receivedAtMs: this.nextTimeMs(vehicleId),
      roleEpoch: this.roles.arrivalEpoch,
    }));
    const { receivedAtMs } = arrival;
    const post = { kind: 'picture', vehicleId, boxCode, fields, files, ...arrival, ...source } as const;
    await this.answers.whenSafe(
      received,
      { vehicleId, receivedAtMs, recordId: String(receivedAtMs) },
      async () => this.metrics.post('picture', await this.spool.submit(post), source.origin),
    );
    return 'known';
  }

  private async read(
    request: IncomingMessage,
    hold: BytesHold,
  ): Promise<{ readonly body: Buffer; readonly form: LegacyForm }> {
    if (dialectOf(request) !== 'multipart') {
      await readLegacyBody(request);
      throw new NoFormError('a picture request that is no form');
    }
    const network = this.addresses.networkOf(request);
    const slot = this.reads.open(network, this.clock.nowMs(), () => request.destroy());
    if (!slot) throw tooManyPictures();
    try {
      let uncounted = COUNTED_BYTES;
      const body = await readBytes(request, MAX_BYTES, (bytes) => {
        const excess = Math.max(0, bytes - uncounted);
        uncounted = Math.max(0, uncounted - bytes);
        return excess === 0 || hold.add(excess) ? null : tooManyPictures();
      });
      return { body, form: await parseLegacyForm(request, body, MAX_FILES) };
    } catch (error) {
      throw slot.isCut ? tooManyPictures() : error;
    } finally {
      slot.release();
    }
  }

  /** Now, but later than the request before: the pictures of two requests within a millisecond must not be mixed. */
  private nextTimeMs(vehicleId: string): number {
    const atMs = Math.max(this.clock.nowMs(), (this.lastMs.get(vehicleId) ?? 0) + 1);
    this.lastMs.set(vehicleId, atMs);
    return atMs;
  }
}

function tooManyPictures(): DomainError {
  return new DomainError('images/busy', 'Too many pictures arrive just now; send it again.', {
    retryAfterMs: 2_000,
  });
}
