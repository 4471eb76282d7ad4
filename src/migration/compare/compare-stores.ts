import type { ApiClient } from '../../tools/client/index.js';
import { readImageHeader, removeMetadata, SIGNATURE_BYTES } from '../../images/index.js';
import type { OldPicturePost, OldPictures, OldStoreRepository } from '../old-store/index.js';
import type { ComparedItem, Side } from './compared-item.js';
import type { FindingsLog } from './findings-log.js';
import { OldNotifications, samserverNotifications, type TimedSpeed } from './old-notifications.js';
import { oldPictureTimeMs } from './old-picture-time.js';
import { SamserverReader } from './samserver-reader.js';
import {
  oldCrash,
  oldPicture,
  oldPosition,
  oldTracking,
  samserverCrash,
  samserverPicture,
  samserverPosition,
  sha256Of,
  trackingAfter,
} from './stored-items.js';
import { horizonOf, WindowMatcher } from './window-matcher.js';

/** Time that is read at once: the memory holds the items of a slice and of the horizon. */
const SLICE_MS = 300_000;

export interface StoresToCompare {
  readonly api: ApiClient;
  readonly documents: OldStoreRepository;
  readonly pictures: OldPictures | null;
  /** Whether the speed notifications of the old server are derived and compared. */
  readonly hasNotifications: boolean;
  /** Zone of the names of the old pictures. */
  readonly timeZone: string;
  /** The boxes that both servers have. */
  readonly boxes: readonly {
    readonly code: string;
    readonly vehicleId: string;
    readonly ambulanceId: string;
  }[];
}

export interface ComparedRange {
  /** Epoch milliseconds, from ≤ arrival < to. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly lagMs: number;
}

type StoredKind = 'position' | 'picture' | 'crash' | 'notification';

interface ComparedBox {
  readonly code: string;
  readonly reader: SamserverReader;
  readonly matchers: Readonly<Record<StoredKind, WindowMatcher>>;
}

/** Compares what both servers have stored, from the newest to the oldest. */
export class StoreComparison {
  private readonly boxes: ReadonlyMap<string, ComparedBox>;
  private readonly oldNotifications = new OldNotifications();

  constructor(
    private readonly stores: StoresToCompare,
    private readonly range: ComparedRange,
    private readonly log: FindingsLog,
    private readonly signal: AbortSignal,
    private readonly onSlice: (fromMs: number) => void = () => undefined,
  ) {
    this.boxes = new Map(
      stores.boxes.map(({ code, vehicleId, ambulanceId }) => [
        ambulanceId,
        {
          code,
          reader: new SamserverReader(stores.api, vehicleId),
          matchers: {
            position: this.matcher(false),
            picture: this.matcher(true),
            crash: this.matcher(true),
            notification: this.matcher(false),
          },
        },
      ]),
    );
  }

  async run(): Promise<void> {
    const { fromMs, toMs } = this.range;
    const [firstMs, lastMs] = [fromMs - this.horizonMs, toMs + this.horizonMs];
    try {
      await this.compareTrackings();
      await this.addNewestPictures();
      if (this.stores.hasNotifications) await this.addSamserverNotifications(firstMs, lastMs);
      for (let endMs = lastMs; endMs > firstMs && !this.signal.aborted; endMs -= SLICE_MS) {
        const startMs = Math.max(endMs - SLICE_MS, firstMs);
        this.onSlice(startMs);
        await this.addOld(startMs, endMs);
        for (const box of this.boxes.values()) await this.addSamserver(box, startMs, endMs);
        this.settle((atMs) => atMs > startMs + this.horizonMs);
      }
      this.settle(() => true);
    } finally {
      for (const { reader } of this.boxes.values()) await reader.close();
    }
  }

  private get horizonMs(): number {
    return horizonOf(this.range.lagMs);
  }

  private matcher(isUnique: boolean): WindowMatcher {
    const { log } = this;
    return new WindowMatcher({
      lagMs: this.range.lagMs,
      isUnique,
      onFinding: (finding) => log.add(finding),
      onMatch: (old, samserver, lagMs) => {
        log.match(old.kind, lagMs);
        // Pictures are equal by the hash without metadata; that Samserver removed some is a known difference.
        if (old.keys.length > 1 && samserver.keys[0] !== old.keys[0])
          log.add({
            ...{ kind: old.kind, type: 'differs', side: 'samserver', box: old.box, atMs: old.atMs },
            fields: { hasMetadata: { old: true, samserver: false } },
          });
      },
    });
  }

  private settle(isOver: (atMs: number) => boolean): void {
    for (const { matchers } of this.boxes.values())
      for (const matcher of Object.values(matchers)) matcher.settle(isOver);
  }

  private add(side: Side, ambulanceId: string, item: (code: string) => ComparedItem): void {
    const box = this.boxes.get(ambulanceId);
    if (!box) return;
    const made = item(box.code);
    box.matchers[made.kind as StoredKind].add(side, made);
  }

  private async addOld(fromMs: number, toMs: number): Promise<void> {
    const { documents } = this.stores;
    const speeds = new Map<string, TimedSpeed[]>();
    for await (const history of documents.histories(fromMs, toMs)) {
      const { ambulanceId, speedKmh: kmh } = history;
      this.add('old', ambulanceId, (code) => {
        const position = oldPosition(code, history);
        if (kmh !== null) listIn(speeds, ambulanceId).push({ atMs: position.atMs, kmh });
        return position;
      });
    }
    if (this.stores.hasNotifications) this.addOldNotifications(speeds);
    for await (const crash of documents.crashes(fromMs, toMs))
      this.add('old', crash.ambulanceId, (code) => oldCrash(code, crash));
    if (!this.stores.pictures) return;
    for await (const post of documents.pictureHistories(fromMs, toMs)) await this.addOldPictures(post);
  }

  private addOldNotifications(speeds: ReadonlyMap<string, readonly TimedSpeed[]>): void {
    for (const [ambulanceId, ofBox] of speeds) {
      const code = this.boxes.get(ambulanceId)?.code ?? '';
      for (const item of this.oldNotifications.of(code, ofBox)) this.add('old', ambulanceId, () => item);
    }
  }

  private async addSamserverNotifications(fromMs: number, toMs: number): Promise<void> {
    const { api, boxes } = this.stores;
    const boxOf = new Map(boxes.map(({ vehicleId, code }) => [vehicleId, code]));
    const ambulanceOf = new Map(boxes.map(({ ambulanceId, code }) => [code, ambulanceId]));
    for (const item of await samserverNotifications(api, boxOf, fromMs, toMs))
      this.add('samserver', ambulanceOf.get(item.box) ?? '', () => item);
  }

  private async addNewestPictures(): Promise<void> {
    if (!this.stores.pictures) return;
    for (const post of await this.stores.documents.newestPictures([...this.boxes.keys()]))
      await this.addOldPictures(post);
  }

  private async addOldPictures({ ambulanceId, paths, atMs }: OldPicturePost): Promise<void> {
    if (!this.boxes.has(ambulanceId)) return;
    for (const path of paths) {
      const takenMs = oldPictureTimeMs(path, this.stores.timeZone) ?? atMs;
      // A post can be replaced long after it arrived: those before the range are not compared.
      if (takenMs < this.range.fromMs - this.horizonMs) continue;
      const bytes = (await this.stores.pictures?.bytes(path)) ?? null;
      if (!bytes) {
        this.add('old', ambulanceId, (code) => missingFile(code, takenMs, path));
        continue;
      }
      const raw = sha256Of(bytes);
      const clean = cleanHash(bytes);
      this.add('old', ambulanceId, (code) => oldPicture(code, takenMs, raw, clean));
    }
  }

  private async addSamserver(box: ComparedBox, fromMs: number, toMs: number): Promise<void> {
    const { code, reader, matchers } = box;
    for await (const position of reader.positions(fromMs, toMs))
      matchers.position.add('samserver', samserverPosition(code, position));
    for await (const crash of reader.crashesOf(fromMs, toMs))
      matchers.crash.add('samserver', samserverCrash(code, crash));
    if (!this.stores.pictures) return;
    for await (const image of reader.imagesOf(fromMs, toMs))
      matchers.picture.add('samserver', samserverPicture(code, image));
  }

  /**
   * The vehicle's document is that of a position which Samserver has too, with the values that Samserver would write. The
   * document is as new as the last post, so it is compared with the positions around its time.
   */
  private async compareTrackings(): Promise<void> {
    const { documents, api } = this.stores;
    for (const tracking of await documents.trackings([...this.boxes.keys()])) {
      const box = this.boxes.get(tracking.ambulanceId);
      const vehicleId = this.stores.boxes.find(
        ({ ambulanceId }) => ambulanceId === tracking.ambulanceId,
      )?.vehicleId;
      if (!box || vehicleId === undefined) continue;
      const old = oldTracking(box.code, tracking);
      const { lagMs } = this.range;
      const around = [];
      for await (const position of api.positions(vehicleId, old.atMs - lagMs, old.atMs + lagMs))
        around.push(trackingAfter(box.code, position));
      const same = around
        .filter(({ keys: [key] }) => key === old.keys[0])
        .sort((a, b) => Math.abs(a.atMs - old.atMs) - Math.abs(b.atMs - old.atMs))[0];
      const matcher = this.matcher(true);
      matcher.add('old', old);
      if (same ?? around.at(-1)) matcher.add('samserver', (same ?? around.at(-1)) as ComparedItem);
      matcher.settle(() => true);
    }
  }
}

function listIn<T>(lists: Map<string, T[]>, key: string): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

/** A document that names a file which is not there. No picture has this key. */
function missingFile(box: string, atMs: number, path: string): ComparedItem {
  return { kind: 'picture', box, atMs, keys: [`no file ${path}`], fields: { file: path } };
}

/** As Samserver stores it; null when its structure is broken, so that Samserver refuses it. */
function cleanHash(bytes: Buffer): string | null {
  const header = readImageHeader(bytes.subarray(0, SIGNATURE_BYTES));
  if (!header) return null;
  try {
    return sha256Of(removeMetadata(Buffer.from(bytes), header.contentType).bytes);
  } catch {
    return null;
  }
}
