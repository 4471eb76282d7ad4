import { Controller, Delete, Get, HttpCode, Param, Query, Req, Res } from '@nestjs/common';
import {
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ForRole } from '../auth/index.js';
import { FailsWith } from '../core/index.js';
import { PICTURE_CONTENT, RANGE_HEADER, THUMBNAIL_CONTENT } from './image.examples.js';
import { ImageContentService } from './serving/image-content.service.js';
import { ImageDto, ThumbnailDto } from './image.dto.js';
import { type ImageView, toImageView } from './image.js';
import { ImageDeletionService } from './image-deletion.service.js';
import { ImagesService } from './images.service.js';
import { sendPicture } from './serving/send-picture.js';

@ApiTags('images')
@Controller('api/v1/images/:id')
export class ImagesController {
  constructor(
    private readonly images: ImagesService,
    private readonly removals: ImageDeletionService,
    private readonly content: ImageContentService,
  ) {}

  @Get()
  @ForRole('viewer')
  @ApiOperation({ summary: 'What is known of a picture' })
  @ApiOkResponse({ type: ImageDto })
  @FailsWith('images/not-found')
  async get(@Param('id') id: string): Promise<ImageView> {
    return toImageView(await this.images.get(id));
  }

  @Get('content')
  @ForRole('viewer')
  @ApiOperation({ summary: 'The picture itself, whole or one range of it; its ETag is its SHA-256' })
  @ApiHeader(RANGE_HEADER)
  @ApiOkResponse({ content: PICTURE_CONTENT })
  @ApiResponse({ status: 206, description: 'The range asked for.', content: PICTURE_CONTENT })
  @ApiResponse({ status: 304, description: 'If-None-Match names it: nothing has changed.' })
  @FailsWith('images/not-found', 'images/volume-unavailable', 'http/range-not-satisfiable')
  async sendContent(
    @Param('id') id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await sendPicture(request, response, await this.content.open(id));
  }

  @Get('thumbnail')
  @ForRole('viewer')
  @ApiOperation({ summary: 'A small version of it, as WebP, the right way up' })
  @ApiOkResponse({ content: THUMBNAIL_CONTENT })
  @ApiResponse({ status: 304, description: 'If-None-Match names it: nothing has changed.' })
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
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await sendPicture(request, response, await this.content.openThumbnail(id, width));
  }

  @Delete()
  @ForRole('dispatcher')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a picture, record and file, for good' })
  @ApiNoContentResponse()
  @FailsWith('images/not-found', 'images/volume-unavailable')
  delete(@Param('id') id: string): Promise<void> {
    return this.removals.remove(id);
  }
}
