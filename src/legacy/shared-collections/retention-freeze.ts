import { Injectable } from '@nestjs/common';
import { ImageReferences, type ReferenceSource } from '../../images/index.js';
import { LegacyRoles } from '../roles/legacy-roles.js';

/** Retention of pictures rests while the old server writes the volume and the documents that name its files. */
@Injectable()
export class RetentionFreeze implements ReferenceSource {
  constructor(
    private readonly roles: LegacyRoles,
    references: ImageReferences,
  ) {
    references.add(this);
  }

  get isFrozen(): boolean {
    return !this.roles.isWriter;
  }

  shownPaths(): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set<string>());
  }

  removeOf(): Promise<number> {
    return Promise.resolve(0);
  }
}
