import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/index.js';
import { type Image, ImageLog, oldNameOf } from '../../images/index.js';
import { AmbulanceDirectory } from './ambulance-directory.js';
import { CursorsRepository } from './cursors.repository.js';
import { Mirror } from './mirror.js';
import { type Snapshot, snapshotsOf } from './old-snapshot.js';
import { PictureCollections } from './picture-collections.repository.js';

/** A picture's id tells when its upload began; over a bad radio link it takes minutes until it has its record. */
const SETTLES_WITHIN_MS = 900_000;
const PAGE = 500;

/**
 * Pictures, into `ambulance_images` and `ambulance_image_histories`. Whoever takes a post of the old boxes in offers its
 * pictures when they are durable; what was not offered, because the process ended, is found in storage: there a post is what
 * has one `createdAt`. Only pictures that have an address
 * of the old server: the others could not be opened by who reads those documents.
 */
@Injectable()
export class PictureMirror extends Mirror<Snapshot> {
  constructor(
    log: ImageLog,
    directory: AmbulanceDirectory,
    collections: PictureCollections,
    cursors: CursorsRepository,
    clock: Clock,
  ) {
    // Names that stand in a document, and since when: who reads storage again need not put them together anew.
    const written = new Map<string, number>();
    const source = {
      name: 'pictures',
      settlesWithinMs: SETTLES_WITHIN_MS,
      since: (fromMs: number) => snapshotsSince(log, fromMs, written),
      async write(snapshots: readonly Snapshot[]): Promise<number> {
        const ids = await directory.resolve(snapshots.map(({ vehicleId }) => vehicleId));
        let count = 0;
        for (const { vehicleId, names } of snapshots) {
          const ambulanceId = ids.get(vehicleId);
          if (ambulanceId !== undefined && names.length > 0)
            count += await collections.keep(ambulanceId, names);
        }
        remember(written, snapshots, clock.nowMs());
        return count;
      },
    };
    super(source, cursors, clock);
  }
}

/** A post never lies in two pages: the last second of a page waits for the next one. */
async function* snapshotsSince(
  log: ImageLog,
  fromMs: number,
  written: ReadonlyMap<string, number>,
): AsyncGenerator<readonly Snapshot[], void, undefined> {
  const nameOf = (path: string): string | null => {
    const name = oldNameOf(path);
    return name !== null && written.has(name) ? null : name;
  };
  let open: readonly Image[] = [];
  for await (const page of log.since(fromMs, PAGE)) {
    const all = [...open, ...page];
    const lastSecond = secondOf(all.at(-1));
    yield snapshotsOf(
      all.filter((image) => secondOf(image) !== lastSecond),
      nameOf,
    );
    open = all.filter((image) => secondOf(image) === lastSecond);
  }
  yield snapshotsOf(open, nameOf);
}

/** What ids are ordered by. */
function secondOf(image: Image | undefined): string {
  return image?.id.slice(0, 8) ?? '';
}

/** For as long as storage is looked through again. */
function remember(written: Map<string, number>, snapshots: readonly Snapshot[], nowMs: number): void {
  for (const { names } of snapshots) for (const name of names) written.set(name, nowMs);
  for (const [name, sinceMs] of written) {
    if (nowMs - sinceMs < 2 * SETTLES_WITHIN_MS) break;
    written.delete(name);
  }
}
