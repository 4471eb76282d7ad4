import { Controller, Delete, Get, HttpCode, Param, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { accountOf, Caller, ForRole, type Principal } from '../auth/index.js';
import {
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
  FailsWith,
} from '../core/index.js';
import { ImageDeletionService } from './image-deletion.service.js';
import { IMAGE_CONTENT, ImageDto, RANGE_HEADER, THUMBNAIL_CONTENT, ThumbnailDto } from './image.dto.js';
import { type ImageView, toImageView } from './image.js';
import { ImagesService } from './images.service.js';
import { ImageContentService } from './serving/image-content.service.js';
import { sendImage } from './serving/send-image.js';

@ApiTags('images')
@Controller('api/v1/images/:id')
export class ImagesController {
  constructor(
    private readonly images: ImagesService,
    private readonly deletion: ImageDeletionService,
    private readonly content: ImageContentService,
  ) {}

  @Get()
  @ForRole('viewer')
  @ApiOperation({ operationId: 'getImage', summary: 'The record of an image' })
  @ApiOkResponse({ type: ImageDto })
  @FailsWith('images/not-found')
  async get(@Param('id') id: string): Promise<ImageView> {
    return toImageView(await this.images.get(id));
  }

  @Get('content')
  @ForRole('viewer')
  @ApiOperation({
    operationId: 'getImageContent',
    summary: 'The bytes of an image, whole or one range; the ETag is the SHA-256',
  })
  @ApiHeader(RANGE_HEADER)
  @ApiOkResponse({ content: IMAGE_CONTENT })
  @ApiResponse({ status: 206, description: 'The requested range.', content: IMAGE_CONTENT })
  @ApiResponse({ status: 304, description: 'Not modified since the version that the client has.' })
  @FailsWith('images/not-found', 'images/volume-unavailable', 'http/range-not-satisfiable')
  async sendContent(
    @Param('id') id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await sendImage(request, response, await this.content.open(id));
  }

  @Get('thumbnail')
  @ForRole('viewer')
  @ApiOperation({
    operationId: 'getImageThumbnail',
    summary: 'A thumbnail as WebP, with the orientation applied',
  })
  @ApiOkResponse({ content: THUMBNAIL_CONTENT })
  @ApiResponse({ status: 304, description: 'Not modified since the version that the client has.' })
  @FailsWith(
    'images/not-found',
    'images/no-thumbnail',
    'images/damaged',
    'images/too-many-pixels',
    'images/volume-full',
    'images/volume-unavailable',
    'images/busy',
  )
  async sendThumbnail(
    @Param('id') id: string,
    @Query() { width }: ThumbnailDto,
    @Caller() caller: Principal,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await sendImage(request, response, await this.content.openThumbnail(id, width, accountOf(caller)));
  }

  @Delete()
  @ForRole('dispatcher')
  @HttpCode(204)
  @ApiOperation({ operationId: 'deleteImage', summary: 'Delete an image permanently: record and file' })
  @ApiNoContentResponse()
  @FailsWith('images/not-found', 'images/volume-unavailable')
  delete(@Param('id') id: string): Promise<void> {
    return this.deletion.remove(id);
  }
}
