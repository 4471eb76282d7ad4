import { Controller, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { accountOf, Caller, ForRole, ForRoleOrDevice, type Principal } from '../auth/index.js';
import {
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  AcceptsNonJsonBody,
  FailsWith,
  type Page,
  pageRequest,
} from '../core/index.js';
import { otherVehicle } from '../vehicles/index.js';
import { ImageDto, ImagePageDto, ListImagesDto, UploadImageDto } from './image.dto.js';
import { type ImageView, toImageView } from './image.js';
import { ImagesService } from './images.service.js';
import { ImageIntakeService } from './upload/image-intake.service.js';

@ApiTags('images')
@Controller('api/v1/vehicles/:id/images')
export class VehicleImagesController {
  constructor(
    private readonly intake: ImageIntakeService,
    private readonly images: ImagesService,
  ) {}

  @Post()
  @AcceptsNonJsonBody()
  @ForRoleOrDevice('dispatcher')
  @ApiOperation({
    operationId: 'uploadImage',
    summary: 'Send an image; the same bytes again give the first record back',
  })
  @ApiConsumes('multipart/form-data')
  @ApiBody({ type: UploadImageDto })
  @ApiCreatedResponse({ type: ImageDto })
  @FailsWith(
    'vehicles/not-found',
    'vehicles/other-vehicle',
    'images/no-file',
    'images/not-a-picture',
    'images/damaged',
    'images/too-large',
    'images/too-many-pixels',
    'images/quota-exceeded',
    'images/volume-full',
    'images/volume-unavailable',
    'images/busy',
  )
  async upload(
    @Param('id') id: string,
    @Req() request: Request,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ImageView> {
    if (caller.kind === 'device' && caller.vehicleId !== id) throw otherVehicle();
    const view = toImageView(await this.intake.upload(id, request, accountOf(caller)));
    response.location(`/api/v1/images/${view.id}`);
    return view;
  }

  @Get()
  @ForRole('viewer')
  @ApiOperation({
    operationId: 'listImages',
    summary: 'Images of a vehicle, newest first; of archived vehicles too',
  })
  @ApiOkResponse({ type: ImagePageDto })
  @FailsWith('vehicles/not-found')
  list(@Param('id') id: string, @Query() { limit, cursor }: ListImagesDto): Promise<Page<ImageView>> {
    return this.images.list(id, pageRequest(limit, cursor));
  }
}
