import { Injectable, Logger } from '@nestjs/common';
import type { Request } from 'express';
import { EXTENSIONS, shownFilename } from '../image-files/index.js';
import { VehiclesService } from '../vehicles/index.js';
import { Decoder } from './decoder/decoder.service.js';
import { type IncomingFile, IncomingFiles, type PlacedFile } from './incoming-files.js';
import type { Image } from './image.js';
import { ImagesRepository } from './images.repository.js';
import { type ReceivedForm, readUploadForm } from './upload-form.js';
import { VehicleQuota } from './vehicle-quota.js';

/** Takes pictures in. */
@Injectable()
export class ImageUploads {
  private readonly logger = new Logger(ImageUploads.name);

  constructor(
    private readonly vehicles: VehiclesService,
    private readonly images: ImagesRepository,
    private readonly incoming: IncomingFiles,
    private readonly decoder: Decoder,
    private readonly quota: VehicleQuota,
  ) {}

  /**
   * Durable when it resolves, file and record. The same bytes for the same vehicle give the first record back, so that
   * whoever has lost an answer may send again.
   * @throws vehicles/not-found and every code of `images/…`
   */
  async upload(vehicleId: string, request: Request): Promise<Image> {
    const { received, filename } = await this.receive(vehicleId, request);
    try {
      return await this.keep(received, filename);
    } finally {
      // After a rename there is nothing under this name any more.
      await this.incoming.discard(received);
    }
  }

  private receive(vehicleId: string, request: Request): Promise<ReceivedForm<IncomingFile>> {
    return readUploadForm(request, {
      maxBytes: this.incoming.maxBytes,
      receive: async (content) => {
        const { view } = await this.vehicles.get(vehicleId);
        await this.quota.assertRoom(view.id, 1);
        return this.incoming.receive(view.id, content);
      },
      discard: (received) => this.incoming.discard(received),
    });
  }

  private async keep(received: IncomingFile, filename: string): Promise<Image> {
    const { id, vehicleId, contentType, createdAt, path, sha256 } = received;
    const examined = await this.decoder.examine({ path, contentType, sha256 });
    const first = await this.images.findSame(vehicleId, examined.sha256);
    if (first) return first;
    await this.quota.assertRoom(vehicleId, examined.sizeBytes);
    const placed = await this.incoming.place(received);
    return this.record(placed, {
      id,
      vehicleId,
      path: placed.path,
      filename: shownFilename(filename, EXTENSIONS[contentType]),
      contentType,
      ...examined,
      origin: 'upload',
      createdAt,
    });
  }

  /** When the database does not answer, the record may still be written: then the sweep looks, an hour later. */
  private async record(placed: PlacedFile, image: Image): Promise<Image> {
    if (await this.images.addUpload(image)) {
      this.quota.add(image.vehicleId ?? '', image.sizeBytes);
      await this.incoming.settle(placed).catch((error: unknown) =>
        // The note stays, and the sweep finds the record to it.
        this.logger.warn({ err: error, id: image.id }, 'a note of an upload was left behind'),
      );
      return image;
    }
    // Sent twice at once: the other one was first.
    await this.incoming.takeBack(placed);
    const first = await this.images.findSame(image.vehicleId ?? '', image.sha256);
    return first ?? image;
  }
}
