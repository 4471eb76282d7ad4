import { Injectable, Logger } from '@nestjs/common';
import type { Readable } from 'node:stream';
import { EXTENSIONS } from '../volume/volume-layout.js';
import { sanitizeFilename } from '../sanitize-filename.js';
import { DecoderService } from '../decoder/decoder.service.js';
import { type ChoosePath, type IncomingFile, IncomingFiles, type PlacedFile } from './incoming-files.js';
import type { Image } from '../image.js';
import { ImagesRepository } from '../images.repository.js';
import { VehicleQuota } from './vehicle-quota.js';

export interface IntakeOptions {
  readonly vehicleId: string;
  /** As the sender wrote it. */
  readonly filename: string;
  /** Where the file is to stand; without it, by the picture's id. */
  readonly choosePath?: ChoosePath;
  /** Whether a picture with the same bytes that the vehicle has already will do, by its path; without it, any. */
  readonly isAcceptablePath?: (path: string) => boolean;
}

/** The way in for every picture, whichever door it came through: received, examined, placed, recorded. */
@Injectable()
export class ImageIntakeService {
  private readonly logger = new Logger(ImageIntakeService.name);

  constructor(
    private readonly images: ImagesRepository,
    private readonly incoming: IncomingFiles,
    private readonly decoder: DecoderService,
    private readonly quota: VehicleQuota,
  ) {}

  /** Of one picture. */
  get maxBytes(): number {
    return this.incoming.maxBytes;
  }

  /** @throws images/quota-exceeded when the vehicle may have nothing more */
  assertQuota(vehicleId: string): Promise<void> {
    return this.quota.assertQuota(vehicleId, 1);
  }

  /**
   * Reads a picture into the volume; it is nobody's yet, and the caller's to `keep` or to `discard`.
   * @throws images/not-a-picture, images/too-large, images/volume-full, images/volume-unavailable
   */
  receive(content: Readable): Promise<IncomingFile> {
    return this.incoming.receive(content);
  }

  /** There is nothing under its name any more once it was kept. */
  discard(received: IncomingFile): Promise<void> {
    return this.incoming.discard(received);
  }

  /**
   * Durable when it resolves, file and record. The same bytes for the same vehicle give the first record back, so that
   * whoever has lost an answer may send again.
   * @throws every code of `images/…`
   */
  async keep(received: IncomingFile, options: IntakeOptions): Promise<Image> {
    const { vehicleId, filename, choosePath, isAcceptablePath = () => true } = options;
    const { id, contentType, createdAt, path, sha256 } = received;
    const examined = await this.decoder.examine({ path, contentType, sha256 });
    const first = await this.images.findBySha256(vehicleId, examined.sha256);
    if (first && isAcceptablePath(first.path)) return first;
    await this.quota.assertQuota(vehicleId, examined.sizeBytes);
    const placed = await this.incoming.place(received, vehicleId, choosePath);
    const image: Image = {
      id,
      vehicleId,
      path: placed.path,
      filename: sanitizeFilename(filename, EXTENSIONS[contentType]),
      contentType,
      ...examined,
      origin: 'upload',
      createdAt,
    };
    return this.record(placed, image, first === null);
  }

  /** When the database does not answer, the record may still be written: then the sweep looks, an hour later. */
  private async record(placed: PlacedFile, image: Image, isFirstCopy: boolean): Promise<Image> {
    if (await this.images.addUpload(image, isFirstCopy)) {
      this.quota.add(image.vehicleId ?? '', image.sizeBytes);
      await this.incoming.commit(placed).catch((error: unknown) =>
        // The note stays, and the sweep finds the record to it.
        this.logger.warn({ err: error, id: image.id }, 'a note of an upload was left behind'),
      );
      return image;
    }
    // Sent twice at once: the other one was first.
    await this.incoming.rollback(placed);
    const first = await this.images.findBySha256(image.vehicleId ?? '', image.sha256);
    return first ?? image;
  }
}
