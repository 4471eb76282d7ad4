import { Injectable } from '@nestjs/common';
import { PictureMirror } from '../collections/index.js';
import { snapFrame } from '../out/panel-frames.js';
import { Panels } from '../out/panels.service.js';
import type { OldFields } from './old-fields.js';
import { oldPictureAddress } from './old-picture-place.js';

/** Tells of a post's pictures when they are durable: panels, and the other programs on the database. */
@Injectable()
export class BoxSnapshots {
  constructor(
    private readonly panels: Panels,
    private readonly mirror: PictureMirror,
  ) {}

  /** @param places below IMAGE_DIR, in the order of the post */
  tell(vehicleId: string, fields: OldFields, places: readonly string[]): void {
    if (places.length === 0) return;
    const names = places.map(oldPictureAddress);
    this.mirror.offer([{ vehicleId, names }]);
    this.panels.tell('snap', snapFrame(fields, names));
  }
}
