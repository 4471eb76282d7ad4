import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { SETTINGS, type Settings } from '../../config/index.js';
import {
  type BytesHold,
  ClientAddresses,
  Clock,
  DomainError,
  FairSlots,
  InFlightBytes,
} from '../../core/index.js';
import { boxCodeIn, type LegacyFields } from '../legacy-fields.js';
import { LegacyMetrics } from '../legacy-metrics.js';
import type { PictureFile } from '../spool/box-post.js';
import { PostSpool } from '../spool/post-spool.service.js';
import { BoxDirectory } from './box-directory.js';
import { dialectOf, readLegacyBody } from './legacy-body.js';
import { type LegacyFile, type LegacyForm, readLegacyForm } from './legacy-form.js';
import { type BoxCheck, PostLimits } from './post-limits.js';

const MAX_FILES = 12;
/** A request may be as large as this number of pictures of the largest size. */
const MAX_FULL_SIZE_PICTURES = 4;
/** Age that a request can have without being cut for others. A box sends two small pictures. */
const SAFE_AGE_MS = 5_000;
/** Receives the pictures of old boxes. They are small, so a request is in memory until it is durable. */
@Injectable()
export class BoxPicturesService {
  private readonly reads: FairSlots;
  private readonly maxBytes: number;

  constructor(
    private readonly boxes: BoxDirectory,
    private readonly spool: PostSpool,
    private readonly metrics: LegacyMetrics,
    private readonly limits: PostLimits,
    private readonly addresses: ClientAddresses,
    private readonly inFlight: InFlightBytes,
    private readonly clock: Clock,
    @Inject(SETTINGS) { legacy, images }: Settings,
  ) {
    this.reads = new FairSlots(legacy.boxes.picturePostsAtOnce, SAFE_AGE_MS);
    this.maxBytes = images.maxBytes;
  }

  /**
   * Resolves when every valid picture of the request is durable, in storage or in the spool.
   * @returns the fields, and whether a vehicle has this box
   * @throws UnreadableBodyError, TooManyPostsError, storage/unavailable, and temporary errors `images/…`
   */
  async ingest(
    request: IncomingMessage,
  ): Promise<{ readonly fields: LegacyFields; readonly isKnown: boolean }> {
    if (dialectOf(request) === 'multipart') return this.ingestForm(request);
    const { fields } = await readLegacyBody(request);
    return { fields, isKnown: (await this.boxes.find(boxCodeIn(fields))) !== null };
  }

  private async ingestForm(request: IncomingMessage): ReturnType<BoxPicturesService['ingest']> {
    const check = this.limits.boxCheck('picture', request);
    const holds: BytesHold[] = [];
    try {
      const { fields, files, fault } = await this.read(request, check, holds);
      if (fault) throw fault;
      const boxCode = boxCodeIn(fields);
      const vehicleId = await this.boxes.find(boxCode);
      if (boxCode === null || vehicleId === null) return { fields, isKnown: false };
      check(vehicleId);
      const post = {
        kind: 'picture',
        id: randomUUID(),
        vehicleId,
        receivedAtMs: this.clock.nowMs(),
        boxCode,
        fields,
        files: files.map(receivedFile),
      } as const;
      this.metrics.post('picture', await this.spool.submit(post));
      return { fields, isKnown: true };
    } finally {
      for (const hold of holds) hold.release();
    }
  }

  /** @param holds gets the bytes that the caller releases */
  private async read(
    request: IncomingMessage,
    check: BoxCheck,
    holds: BytesHold[],
  ): Promise<LegacyForm<Buffer>> {
    const network = this.addresses.networkOf(request);
    const slot = this.reads.open(network, this.clock.nowMs(), () => request.destroy());
    if (!slot) throw tooManyPictures();
    try {
      const form = await readLegacyForm(request, {
        maxBytes: MAX_FULL_SIZE_PICTURES * this.maxBytes,
        maxFiles: MAX_FILES,
        maxFileBytes: this.maxBytes,
        receive: async (content, fields) => {
          const caller = await this.callerOf(content, network, fields, check);
          const hold = this.inFlight.open(caller, () => request.destroy());
          holds.push(hold);
          return readAll(content, hold);
        },
      });
      return slot.isCut ? { ...form, fault: tooManyPictures() } : form;
    } finally {
      slot.release();
    }
  }

  /**
   * Skips the pictures of an unknown box, and of one over its rate, when its code comes before them.
   * @returns the key of the bytes in memory: all boxes can have one address, so each has a share
   */
  private async callerOf(
    content: Readable,
    network: string,
    fields: LegacyFields,
    check: BoxCheck,
  ): Promise<string> {
    const code = boxCodeIn(fields);
    if (code === null) return network;
    try {
      const vehicleId = await this.boxes.find(code);
      // The answer shows this error only when a vehicle gets the box code in the meantime.
      if (vehicleId === null) throw tooManyPictures();
      check(vehicleId);
      return `${network} box ${vehicleId}`;
    } catch (error) {
      content.destroy();
      throw error;
    }
  }
}

async function readAll(content: Readable, hold: BytesHold): Promise<Buffer> {
  const chunks: Buffer[] = [];
  // Leaving the loop destroys the stream: the form reads on and discards the rest of the file.
  for await (const chunk of content as AsyncIterable<Buffer>) {
    if (!hold.add(chunk.length)) throw tooManyPictures();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws why the file could not be read */
function receivedFile({ filename, outcome }: LegacyFile<Buffer>): PictureFile {
  if (outcome.status === 'rejected') throw outcome.reason;
  return { filename, bytes: outcome.value };
}

function tooManyPictures(): DomainError {
  return new DomainError('images/busy', 'Too many pictures arrive just now; send it again.', {
    retryAfterMs: 2_000,
  });
}
