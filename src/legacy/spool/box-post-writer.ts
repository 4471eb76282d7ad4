import { Injectable } from '@nestjs/common';
import type { Position } from '../../core/index.js';
import { CrashesService } from '../../crashes/index.js';
import { parseMeasurements, PositionsService } from '../../tracking/index.js';
import { BoxPictureWriter } from '../boxes/box-picture-writer.js';
import { measurementsIn } from '../legacy-fields.js';
import { OwedRepository } from '../owed/owed.repository.js';
import { LegacyRoles, type WithRoleEpoch } from '../roles/legacy-roles.js';
import type { BoxPost, CrashPost, PicturePost, PositionPost } from './box-post.js';

/** `unusable`: nothing of the request, or only a part of it, can be stored. */
export type WriteResult = 'taken' | 'unusable';

/** Stores the requests of boxes. Each method is idempotent: a request that is written again is stored once. */
@Injectable()
export class BoxPostWriter {
  constructor(
    private readonly positions: PositionsService,
    private readonly crashes: CrashesService,
    private readonly pictures: BoxPictureWriter,
    private readonly owed: OwedRepository,
    private readonly roles: LegacyRoles,
  ) {}

  /** Resolves when the request is durable in storage. @throws storage/unavailable and every code of `images/…` */
  async write(post: BoxPost): Promise<WriteResult> {
    switch (post.kind) {
      case 'position':
        return this.writePositions([post]);
      case 'crash':
        return this.writeCrash(post);
      case 'picture':
        return this.writePictures(post);
    }
  }

  /** Resolves when all are durable in storage, with one write. @param posts at most 1,000 */
  async writePositions(posts: readonly PositionPost[]): Promise<WriteResult> {
    await this.positions.recordReceived(
      posts.flatMap((post) => this.toPosition(post)),
      'legacy',
    );
    return 'taken';
  }

  private async writeCrash(post: CrashPost): Promise<WriteResult> {
    const crash = { ...post.crash, ...this.epochOf(post) };
    await this.crashes.record(crash, post.fields);
    // It has waited in the spool while the role changed: the mirror's cursor has passed the time of its arrival.
    if (!this.roles.isWriter && (await this.roles.ours([crash])).length > 0)
      await this.owed.add({
        ...{ kind: 'crash', recordId: crash.id, vehicleId: crash.vehicleId, at: crash.reportedAt },
        reason: 'role changed',
      });
    return 'taken';
  }

  private writePictures({ receivedAtMs, roleEpoch, ...post }: PicturePost): Promise<WriteResult> {
    return this.pictures.write({
      ...post,
      receivedAt: new Date(receivedAtMs),
      ...this.epochOf({ roleEpoch }),
    });
  }

  private toPosition(post: PositionPost): Position[] {
    const { vehicleId, timeMs, receivedAtMs, fields } = post;
    const parsed = parseMeasurements(measurementsIn(fields), timeMs, fields);
    return 'fix' in parsed ? [{ ...parsed.fix, vehicleId, receivedAtMs, ...this.epochOf(post) }] : [];
  }

  private epochOf({ roleEpoch }: Pick<BoxPost, 'roleEpoch'>): WithRoleEpoch {
    const epoch = roleEpoch === null ? this.roles.epoch : roleEpoch;
    return epoch === undefined ? {} : { roleEpoch: epoch };
  }
}
