import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { VehiclesService } from '../../vehicles/index.js';
import { ImageIntakeService } from './image-intake.service.js';
import type { Image } from '../image.js';
import { readUploadForm } from './upload-form.js';

/** Pictures that come as a form over HTTP. */
@Injectable()
export class ImageUploadsService {
  constructor(
    private readonly vehicles: VehiclesService,
    private readonly intake: ImageIntakeService,
  ) {}

  /**
   * Durable when it resolves, file and record.
   * @throws vehicles/not-found and every code of `images/…`
   */
  async upload(givenId: string, request: Request): Promise<Image> {
    const { intake } = this;
    const { received, filename } = await readUploadForm(request, {
      maxBytes: intake.maxBytes,
      receive: async (content) => {
        const { view } = await this.vehicles.get(givenId);
        await intake.assertQuota(view.id);
        return { vehicleId: view.id, file: await intake.receive(content) };
      },
      discard: ({ file }) => intake.discard(file),
    });
    try {
      return await intake.keep(received.file, { vehicleId: received.vehicleId, filename });
    } finally {
      await intake.discard(received.file);
    }
  }
}
