import { Injectable } from '@nestjs/common';
import { Clock, EventBus } from '../../core/index.js';
import { ImagesService, oldAddressOf } from '../../images/index.js';
import { AmbulanceDirectory } from './ambulance-directory.js';
import { CursorsRepository } from './cursors.repository.js';
import { Mirror } from './mirror.js';
import { type Snapshot, snapshotsOf } from './legacy-snapshot.js';
import { PictureCollectionsRepository } from './picture-collections.repository.js';

/** A picture's id tells when its upload began; over a bad radio link it takes minutes until it has its record. */
const SETTLES_WITHIN_MS = 900_000;
const PAGE = 500;

/**
 * Pictures, into `ambulance_images` and `ambulance_image_histories`. Whoever takes a post of the old boxes in offers its
 * pictures when they are durable, in their order; what was not offered, because the process ended, is found in storage.
 * All pictures of a post have one time in their names. Only pictures that have an address of the old server: the others
 * could not be opened by who reads those documents.
 */
@Injectable()
export class PictureMirror extends Mirror<Snapshot> {
  constructor(
    private readonly events: EventBus,
    images: ImagesService,
    directory: AmbulanceDirectory,
    collections: PictureCollectionsRepository,
    cursors: CursorsRepository,
    clock: Clock,
  ) {
    const source = {
      name: 'pictures',
      settlesWithinMs: SETTLES_WITHIN_MS,
      since: (fromMs: number) => snapshotsSince(images, fromMs),
      async write(snapshots: readonly Snapshot[]): Promise<number> {
        const ids = await directory.resolve(snapshots.map(({ vehicleId }) => vehicleId));
        let count = 0;
        for (const { vehicleId, names } of snapshots) {
          const ambulanceId = ids.get(vehicleId);
          if (ambulanceId !== undefined && names.length > 0)
            count += await collections.upsert(ambulanceId, names);
        }
        return count;
      },
    };
    super(source, cursors, clock);
  }

  override start(): void {
    super.start();
    this.events.subscribe('legacy-snapshot.stored', ({ vehicleId, names }) =>
      this.offer([{ vehicleId, names }]),
    );
  }
}

async function* snapshotsSince(
  images: ImagesService,
  fromMs: number,
): AsyncGenerator<readonly Snapshot[], void, undefined> {
  for await (const page of images.pagesSince(fromMs, PAGE)) yield snapshotsOf(page, oldAddressOf);
}
