import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Request } from 'express';
import { SETTINGS, type Settings } from '../../config/index.js';
import { Clock, FairSlots } from '../../core/index.js';
import { VehiclesService } from '../../vehicles/index.js';
import { DecoderService } from '../decoder/decoder.service.js';
import { imagesBusy } from '../image.errors.js';
import { type Image, sanitizeFilename } from '../image.js';
import { ImagesRepository } from '../images.repository.js';
import { ImageTotalsService } from '../totals/image-totals.service.js';
import { type IncomingFile, IncomingFiles, type PlacedFile } from './incoming-files.js';
import { type ReceivedForm, readUploadForm } from './upload-form.js';
import { VehicleQuota } from './vehicle-quota.js';

interface IntakeOptions {
  readonly vehicleId: string;
  /** As the client sent it. */
  readonly filename: string;
  /** Images of one caller wait for the decoder in one queue. */
  readonly caller: string;
}

interface UploadedFile {
  readonly vehicleId: string;
  readonly file: IncomingFile;
}

/** Stores the uploads over the API: receive, examine, place, record. */
@Injectable()
export class ImageIntakeService {
  private readonly logger = new Logger(ImageIntakeService.name);
  private readonly uploads: FairSlots;

  constructor(
    private readonly vehicles: VehiclesService,
    private readonly images: ImagesRepository,
    private readonly incoming: IncomingFiles,
    private readonly decoder: DecoderService,
    private readonly quota: VehicleQuota,
    private readonly totals: ImageTotalsService,
    private readonly clock: Clock,
    @Inject(SETTINGS) { images: settings }: Settings,
  ) {
    // No age ends an upload: a phone on a bad line needs minutes.
    this.uploads = new FairSlots(settings.uploadsAtOnce, Infinity);
  }

  /**
   * Stores the image of an upload form. File and record are durable when it resolves.
   * @param caller uploads of one caller share the slots and one queue: its user or vehicle
   * @throws vehicles/not-found and every code of `images/…`
   */
  async upload(givenVehicleId: string, request: Request, caller: string): Promise<Image> {
    const { received, filename } = await this.read(givenVehicleId, request, caller);
    try {
      return await this.keep(received.file, { vehicleId: received.vehicleId, filename, caller });
    } finally {
      await this.incoming.discard(received.file);
    }
  }

  private async read(
    givenVehicleId: string,
    request: Request,
    caller: string,
  ): Promise<ReceivedForm<UploadedFile>> {
    const slot = this.uploads.open(caller, this.clock.nowMs(), () => request.destroy());
    if (!slot) throw imagesBusy();
    try {
      return await readUploadForm(request, {
        maxBytes: this.incoming.maxBytes,
        receive: async (content) => {
          const { view } = await this.vehicles.get(givenVehicleId);
          await this.quota.assertQuota(view.id, 1);
          return { vehicleId: view.id, file: await this.incoming.receive(content) };
        },
        discard: ({ file }) => this.incoming.discard(file),
      });
    } catch (error) {
      throw slot.isCut ? imagesBusy(error) : error;
    } finally {
      slot.release();
    }
  }

  /** The same bytes of the same vehicle give the first record, so a client that lost an answer can send again. */
  private async keep(received: IncomingFile, options: IntakeOptions): Promise<Image> {
    const { vehicleId, filename, caller } = options;
    const { id, contentType, createdAt, path, sha256 } = received;
    const { keptParts, ...examined } = await this.decoder.examine(caller, { path, contentType, sha256 });
    if (keptParts.length > 0)
      this.logger.warn({ id, vehicleId, contentType, parts: keptParts }, 'image metadata kept');
    const first = await this.images.findBySha256(vehicleId, examined.sha256);
    if (first) return first;
    await this.quota.assertQuota(vehicleId, examined.sizeBytes);
    const placed = await this.incoming.place(received, vehicleId);
    const image: Image = {
      id,
      vehicleId,
      path: placed.path,
      filename: sanitizeFilename(filename, contentType),
      contentType,
      ...examined,
      origin: 'upload',
      createdAt,
    };
    return this.record(placed, image);
  }

  /** A record may exist after a failed write: the intent file stays, and the sweep looks for the record an hour later. */
  private async record(placed: PlacedFile, image: Image): Promise<Image> {
    if (await this.images.addUpload(image)) {
      this.totals.added([image]);
      await this.incoming.commit(placed).catch((error: unknown) =>
        // The sweep removes it, because it finds the record.
        this.logger.warn({ err: error, id: image.id }, 'intent file of an upload not removed'),
      );
      return image;
    }
    // A concurrent upload of the same bytes was recorded first.
    await this.incoming.rollback(placed);
    const first = await this.images.findBySha256(image.vehicleId ?? '', image.sha256);
    return first ?? image;
  }
}
