import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventBus, Position } from '../../core/index.js';
import { type Crash, CrashesService } from '../../crashes/index.js';
import { ImagesService, oldAddressOf } from '../../images/index.js';
import { PositionLogService, RECORDED_WITHIN_MS } from '../../tracking/index.js';
import { LegacyRoles, type WithRoleEpoch } from '../roles/legacy-roles.js';
import { AmbulanceDirectory } from './ambulance-directory.js';
import { CrashCollectionRepository } from './crash-collection.repository.js';
import { type Snapshot, snapshotsOf } from './legacy-snapshot.js';
import type { MirrorSource } from './mirror.js';
import { PictureCollectionsRepository } from './picture-collections.repository.js';
import { TrackingCollectionsRepository } from './tracking-collections.repository.js';

/** A picture is listed by the time its upload began. Over a bad radio link an upload takes minutes. */
const PICTURES_SETTLE_WITHIN_MS = 900_000;
/** Longest time that panels wait for a crash because of its document. The spool waits a second for both. */
const DOCUMENT_WITHIN_MS = 500;
const POSITIONS_PAGE_SIZE = 1_000;
const PICTURES_PAGE_SIZE = 500;
/**
 * A larger group is of a catch-up, which reads the requests of a quarter of an hour every 30 s: nearly all are in their place,
 * which two searches show for the whole group. The requests of a live group are not, so each is written at once.
 */
const LIVE_GROUP_SIZE = 20;

/** An item with the id of its vehicle in the old system. */
interface AmbulanceItem<T> {
  readonly ambulanceId: string;
  readonly item: T;
}

/**
 * Base of the three sources. Items of vehicles without an ambulance id are not mirrored. Nothing is written while the old server
 * writes the collections, and later only what arrived while this service did.
 */
abstract class VehicleItemSource<
  T extends { readonly vehicleId: string } & WithRoleEpoch,
> implements MirrorSource<T> {
  abstract readonly name: string;
  abstract readonly settlesWithinMs: number;

  constructor(
    private readonly directory: AmbulanceDirectory,
    private readonly roles: LegacyRoles,
  ) {}

  abstract subscribe(bus: EventBus, offer: (items: readonly T[]) => void): void;
  abstract since(fromMs: number): AsyncIterable<readonly T[]>;
  protected abstract upsert(entries: readonly AmbulanceItem<T>[]): Promise<number>;
  /** Whether any of them is not in the collections. */
  protected abstract isAnyMissing(entries: readonly AmbulanceItem<T>[]): Promise<boolean>;

  async write(items: readonly T[]): Promise<number> {
    const ours = await this.roles.ours(items);
    // After it, because it may have found another role in storage.
    return this.roles.isWriter ? this.writeOwed(ours) : 0;
  }

  /** Writes items whatever the role was when they arrived: the old server has not got them. */
  async writeOwed(items: readonly T[]): Promise<number> {
    return this.upsert(await this.withAmbulances(items));
  }

  async hasUnwritten(items: readonly T[]): Promise<boolean> {
    const entries = await this.withAmbulances(await this.roles.ours(items));
    return entries.length > 0 && this.isAnyMissing(entries);
  }

  private async withAmbulances(items: readonly T[]): Promise<readonly AmbulanceItem<T>[]> {
    if (items.length === 0) return [];
    const ids = await this.directory.resolve(items.map(({ vehicleId }) => vehicleId));
    return items.flatMap((item) => {
      const ambulanceId = ids.get(item.vehicleId);
      return ambulanceId === undefined ? [] : [{ ambulanceId, item }];
    });
  }
}

/** Positions, for `ambulance_trackings` and `ambulance_tracking_histories`. */
@Injectable()
export class PositionSource extends VehicleItemSource<Position> {
  readonly name = 'trackings';
  readonly settlesWithinMs = RECORDED_WITHIN_MS;

  constructor(
    directory: AmbulanceDirectory,
    roles: LegacyRoles,
    private readonly positions: PositionLogService,
    private readonly collections: TrackingCollectionsRepository,
  ) {
    super(directory, roles);
  }

  override subscribe(bus: EventBus, offer: (items: readonly Position[]) => void): void {
    bus.subscribe(
      'position.recorded',
      (recorded) => offer(recorded.map(({ position }) => position)),
      'this-instance',
    );
  }

  override async *since(fromMs: number): AsyncGenerator<readonly Position[], void, undefined> {
    for await (const page of this.positions.since(fromMs, POSITIONS_PAGE_SIZE))
      yield page.map(({ position }) => position);
  }

  protected override upsert(entries: readonly AmbulanceItem<Position>[]): Promise<number> {
    return this.collections.write(positionsOf(entries));
  }

  protected override isAnyMissing(entries: readonly AmbulanceItem<Position>[]): Promise<boolean> {
    return this.collections.isAnyMissing(positionsOf(entries));
  }
}

/**
 * Pictures with an address of the old server, for `ambulance_images` and `ambulance_image_histories`. Readers of those
 * collections could not open other pictures.
 */
@Injectable()
export class PictureSource extends VehicleItemSource<Snapshot> {
  readonly name = 'pictures';
  readonly settlesWithinMs = PICTURES_SETTLE_WITHIN_MS;

  constructor(
    directory: AmbulanceDirectory,
    roles: LegacyRoles,
    private readonly images: ImagesService,
    private readonly collections: PictureCollectionsRepository,
  ) {
    super(directory, roles);
  }

  override subscribe(bus: EventBus, offer: (items: readonly Snapshot[]) => void): void {
    bus.subscribe(
      'legacy-snapshot.stored',
      ({ vehicleId, at, names, isShadow }) => {
        if (!isShadow) offer([{ vehicleId, at, names }]);
      },
      'this-instance',
    );
  }

  override async *since(fromMs: number): AsyncGenerator<readonly Snapshot[], void, undefined> {
    for await (const page of this.images.pagesSince(fromMs, PICTURES_PAGE_SIZE))
      yield snapshotsOf(page, oldAddressOf);
  }

  protected override async upsert(entries: readonly AmbulanceItem<Snapshot>[]): Promise<number> {
    const named = entries.filter(({ item }) => item.names.length > 0);
    const missing = named.length > LIVE_GROUP_SIZE ? await this.collections.missingOf(named) : named;
    let count = 0;
    for (const { ambulanceId, item } of missing) count += await this.collections.upsert(ambulanceId, item);
    return count;
  }

  protected override async isAnyMissing(entries: readonly AmbulanceItem<Snapshot>[]): Promise<boolean> {
    for (const { ambulanceId, item } of entries)
      if (item.names.length > 0 && !(await this.collections.has(ambulanceId, item))) return true;
    return false;
  }
}

/** Crash reports, for `ambulance_crashes`. */
@Injectable()
export class CrashSource extends VehicleItemSource<Crash> {
  readonly name = 'crashes';
  readonly settlesWithinMs = RECORDED_WITHIN_MS;

  constructor(
    directory: AmbulanceDirectory,
    roles: LegacyRoles,
    private readonly crashes: CrashesService,
    private readonly collection: CrashCollectionRepository,
  ) {
    super(directory, roles);
  }

  override subscribe(bus: EventBus, offer: (items: readonly Crash[]) => void): void {
    // A panel reads the document as soon as it receives the crash. When the write fails or is slow, the panel receives the
    // crash all the same, and the mirror writes the document later.
    bus.subscribe(
      'crash.stored',
      async (crash) => {
        await Promise.race([this.write([crash]), sleep(DOCUMENT_WITHIN_MS, undefined, { ref: false })]);
      },
      'this-instance',
    );
    bus.subscribe('crash.recorded', ({ crash }) => offer([crash]), 'this-instance');
  }

  override since(fromMs: number): AsyncGenerator<readonly Crash[], void, undefined> {
    return this.crashes.pagesSince(new Date(fromMs));
  }

  protected override upsert(entries: readonly AmbulanceItem<Crash>[]): Promise<number> {
    return this.collection.upsert(entries.map(({ ambulanceId, item }) => ({ ambulanceId, crash: item })));
  }

  protected override isAnyMissing(entries: readonly AmbulanceItem<Crash>[]): Promise<boolean> {
    return this.collection.isAnyMissing(entries.map(({ item }) => item));
  }
}

function positionsOf(
  entries: readonly AmbulanceItem<Position>[],
): { readonly ambulanceId: string; readonly position: Position }[] {
  return entries.map(({ ambulanceId, item }) => ({ ambulanceId, position: item }));
}
