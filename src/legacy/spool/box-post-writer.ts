import { Injectable } from '@nestjs/common';
import type { Position } from '../../core/index.js';
import { CrashesService } from '../../crashes/index.js';
import { parseMeasurements, PositionsService } from '../../tracking/index.js';
import { BoxPictureWriter } from '../boxes/box-picture-writer.js';
import { measurementsIn } from '../legacy-fields.js';
import type { BoxPost, PicturePost, PositionPost } from './box-post.js';

/** `unusable`: nothing of the request, or only a part of it, can be stored. */
export type WriteResult = 'taken' | 'unusable';

/** Stores the requests of boxes. Each method is idempotent: a request that is written again is stored once. */
@Injectable()
export class BoxPostWriter {
  constructor(
    private readonly positions: PositionsService,
    private readonly crashes: CrashesService,
    private readonly pictures: BoxPictureWriter,
  ) {}

  /** Resolves when the request is durable in storage. @throws storage/unavailable and every code of `images/…` */
  async write(post: BoxPost): Promise<WriteResult> {
    switch (post.kind) {
      case 'position':
        return this.writePositions([post]);
      case 'crash':
        await this.crashes.record(post.crash, post.fields);
        return 'taken';
      case 'picture':
        return this.writePictures(post);
    }
  }

  /** Resolves when all are durable in storage, with one write. @param posts at most 1,000 */
  async writePositions(posts: readonly PositionPost[]): Promise<WriteResult> {
    await this.positions.recordReceived(posts.flatMap(toPosition), 'legacy');
    return 'taken';
  }

  private writePictures({ receivedAtMs, ...post }: PicturePost): Promise<WriteResult> {
    return this.pictures.write({ ...post, receivedAt: new Date(receivedAtMs) });
  }
}

function toPosition({ vehicleId, timeMs, receivedAtMs, fields }: PositionPost): Position[] {
  const parsed = parseMeasurements(measurementsIn(fields), timeMs, fields);
  return 'fix' in parsed ? [{ ...parsed.fix, vehicleId, receivedAtMs }] : [];
}
