import { Injectable } from '@nestjs/common';
import { EventBus } from '../../core/index.js';
import { snapFrame } from '../panels/panel-frames.js';
import { PanelsService } from '../panels/panels.service.js';
import type { LegacyFields } from './legacy-fields.js';
import { legacyPictureAddress } from './legacy-picture-path.js';

/** Tells of a post's pictures when they are durable: panels, and the other programs on the database. */
@Injectable()
export class SnapshotPublisher {
  constructor(
    private readonly panels: PanelsService,
    private readonly events: EventBus,
  ) {}

  /** @param places below IMAGE_DIR, in the order of the post */
  broadcast(vehicleId: string, fields: LegacyFields, places: readonly string[]): void {
    if (places.length === 0) return;
    const names = places.map(legacyPictureAddress);
    this.events.publish('legacy-snapshot.stored', { vehicleId, names, originalFields: fields });
    this.panels.broadcast('snap', snapFrame(fields, names));
  }
}
