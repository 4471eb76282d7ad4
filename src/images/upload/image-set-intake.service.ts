import { Inject, Injectable, Logger } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DomainError, Metrics } from '../../core/index.js';
import { DecoderService } from '../decoder/decoder.service.js';
import { EXTENSIONS } from '../formats/image-type.js';
import { asVolumeError } from '../image.errors.js';
import { type Image, sanitizeFilename } from '../image.js';
import { ImagesRepository } from '../images.repository.js';
import { ImageVolume } from '../volume/image-volume.js';
import { newImageId } from '../volume/volume-layout.js';
import { ImageTotalsService } from '../totals/image-totals.service.js';
import { examinePart, type ExaminedPart, type PartFault } from './examine-part.js';
import { LinkedFile, syncPlaced } from './linked-file.js';

/** One image of a request, complete in memory. */
export interface ImagePart {
  readonly bytes: Buffer;
  /** As the client sent it. */
  readonly filename: string;
}

/** The images of one request. */
export interface ImageSet {
  readonly vehicleId: string;
  /** In their order; each keeps its place. */
  readonly parts: readonly ImagePart[];
  /** Time of the request; no other request of the vehicle has the same. */
  readonly receivedAt: Date;
  /** Images of one caller wait for the decoder in one queue. */
  readonly caller: string;
  /** Returns a path below the volume for a file with this extension. Called again while the path is taken. */
  readonly choosePath: (extension: string) => string;
  /** Whether an image of the vehicle with the same bytes is used again instead of a copy. */
  readonly isReusable: (image: Image) => boolean;
}

/** A part on the volume that has no record yet. */
interface StoredPart {
  readonly image: Image;
  readonly file: LinkedFile;
}

/**
 * Stores the images of one request together: small ones that arrive often. All of them are one write of the database. Every
 * JPEG is examined without decoding it, and one in IMAGE_DECODE_ONE_IN is decoded too; other formats are decoded always.
 * Only the free space of the volume limits them: a quota would refuse all pictures of a box from one day on.
 */
@Injectable()
export class ImageSetIntakeService {
  private readonly logger = new Logger(ImageSetIntakeService.name);
  private readonly partCounter;
  private jpegCount = 0;

  constructor(
    private readonly images: ImagesRepository,
    private readonly volume: ImageVolume,
    private readonly decoder: DecoderService,
    private readonly totals: ImageTotalsService,
    @Inject(SETTINGS) private readonly settings: Settings,
    metrics: Metrics,
  ) {
    this.partCounter = metrics.counter({
      name: 'samserver_image_set_parts_total',
      help: 'Images that arrived with others in one request, by what was done with them: `stored`, `damaged` (stored as it arrived), or the reason why not.',
      labelNames: ['outcome'],
    });
  }

  /**
   * Files and records are durable when it resolves. The same bytes of the same vehicle give the first record. A damaged JPEG
   * is stored and marked.
   * @returns for each part its image; null for one that can never be stored
   * @throws storage/unavailable and the temporary errors `images/…`: then the caller may repeat it
   */
  async keep(set: ImageSet): Promise<readonly (Image | null)[]> {
    const directory = this.volume.directoryForNewFiles;
    const examined = set.parts.map(({ bytes }) => examinePart(bytes, this.settings.images));
    const written = await settleAll(
      examined.map((part, place) =>
        typeof part === 'string' ? Promise.resolve(part) : this.write(directory, set, part, place),
      ),
    );
    const stored = written.filter((each): each is StoredPart => typeof each !== 'string');
    try {
      for (const { file } of stored) await file.place();
      await syncPlaced(
        directory,
        stored.map(({ file }) => file),
      );
    } catch (error) {
      await discardAll(stored);
      throw asVolumeError(error);
    }
    // From here on a failure leaves the files: a record may exist. The sweep looks for it an hour later.
    const recorded = await this.record(set, stored);
    this.count(written);
    return written.map((each) => (typeof each === 'string' ? null : (recorded.get(each) ?? null)));
  }

  /** @returns the file, flushed, or why it can never be stored */
  private async write(
    directory: string,
    set: ImageSet,
    part: ExaminedPart,
    place: number,
  ): Promise<StoredPart | PartFault> {
    const { contentType, bytes } = part;
    const { vehicleId, receivedAt, caller } = set;
    const id = newImageId(receivedAt);
    const file = await LinkedFile.create(directory, id, bytes, {
      // nginx runs as another user and must be able to read the file.
      mode: this.settings.images.isAccelerated ? 0o644 : 0o640,
      choosePath: () => set.choosePath(EXTENSIONS[contentType]),
    }).catch((error: unknown) => {
      throw asVolumeError(error);
    });
    try {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const details = await this.decode(caller, part, { path: file.incomingPath, sha256 });
      if (typeof details === 'string') {
        await file.discard();
        return details;
      }
      await file.flush();
      const filename = sanitizeFilename(set.parts[place]?.filename ?? '', contentType);
      const { path } = file;
      const image: Image = {
        ...{ id, vehicleId, path, filename, contentType, ...details },
        ...{ origin: 'upload', place, createdAt: receivedAt },
      };
      return { image, file };
    } catch (error) {
      await file.discard();
      throw asVolumeError(error);
    }
  }

  /** Decodes the image if it is its turn. */
  private async decode(
    caller: string,
    { contentType, bytes, size, isDamaged }: ExaminedPart,
    { path, sha256 }: { readonly path: string; readonly sha256: string },
  ): Promise<Pick<Image, 'sizeBytes' | 'sha256' | 'width' | 'height' | 'isDamaged'> | PartFault> {
    const isJpeg = contentType === 'image/jpeg';
    const asWritten = {
      sizeBytes: bytes.length,
      sha256,
      width: size?.width ?? null,
      height: size?.height ?? null,
    };
    if (isJpeg && (isDamaged || !this.isSample())) return { ...asWritten, ...(isDamaged && { isDamaged }) };
    try {
      const { keptParts: _, ...details } = await this.decoder.examine(caller, { path, contentType, sha256 });
      return details;
    } catch (error) {
      const code = error instanceof DomainError ? error.code : null;
      if (code === 'images/damaged') return isJpeg ? { ...asWritten, isDamaged: true } : 'not-an-image';
      if (code === 'images/too-many-pixels') return 'too-many-pixels';
      // A sample can be left out.
      if (isJpeg && code === 'images/busy') return asWritten;
      throw error;
    }
  }

  private isSample(): boolean {
    this.jpegCount += 1;
    return this.jpegCount % this.settings.images.decodeOneIn === 0;
  }

  /** @returns the image of each part: its own, or an earlier one with the same bytes */
  private async record(
    { vehicleId, isReusable }: ImageSet,
    stored: readonly StoredPart[],
  ): Promise<ReadonlyMap<StoredPart, Image>> {
    if (stored.length === 0) return new Map();
    // The path may have been chosen anew.
    const images = new Map(stored.map((part) => [part, { ...part.image, path: part.file.path }]));
    const duplicates = await this.images.addUploads([...images.values()]);
    const added = stored.filter((_, index) => !duplicates.has(index));
    this.totals.added(added.map(({ image }) => image));
    for (const part of added) await this.release(part);
    for (const [part, image] of images) {
      if (added.includes(part)) continue;
      const first = await this.images.findBySha256(vehicleId, image.sha256);
      if (first && isReusable(first)) {
        images.set(part, first);
        await part.file.discard();
        continue;
      }
      await this.images.addCopy(image);
      this.totals.added([image]);
      await this.release(part);
    }
    return images;
  }

  private release({ file, image }: StoredPart): Promise<void> {
    return file.release().catch((error: unknown) =>
      // The sweep removes it, because it finds the record.
      this.logger.warn({ err: error, id: image.id }, 'first name of an image not removed'),
    );
  }

  private count(written: readonly (StoredPart | PartFault)[]): void {
    for (const each of written) {
      const outcome = typeof each === 'string' ? each : each.image.isDamaged ? 'damaged' : 'stored';
      this.partCounter.inc({ outcome });
    }
  }
}

/** Waits for all, so that none writes on after a failure. */
async function settleAll(
  work: readonly Promise<StoredPart | PartFault>[],
): Promise<(StoredPart | PartFault)[]> {
  const outcomes = await Promise.allSettled(work);
  const failed = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
  const written = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  if (!failed) return written;
  await discardAll(written.filter((each): each is StoredPart => typeof each !== 'string'));
  throw failed.reason;
}

async function discardAll(stored: readonly StoredPart[]): Promise<void> {
  for (const { file } of stored) await file.discard();
}
