import { Controller, Get, HttpCode, Post, Req, Res, UseFilters } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Public } from '../../auth/index.js';
import {
  ApiBody,
  ApiConsumes,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
  AcceptsNonJsonBody,
} from '../../core/index.js';
import { CRASH_PATH, ERROR_CODES_PATH, SNAPSHOT_PATH, TRACKING_PATH } from '../legacy-routes.js';
import { BoxesService } from './boxes.service.js';
import {
  EMPTY_RESPONSE,
  FAILED_RESPONSE,
  LIMITED_RESPONSE,
  REPORT_BODY,
  SNAPSHOT_BODY,
  ACCEPTED_RESPONSE,
  UNKNOWN_BOX_RESPONSE,
  UNREADABLE_RESPONSE,
} from './boxes.examples.js';
import { LegacyExceptionFilter } from './legacy-exception.filter.js';

const DIALECTS = ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'];

/** The routes of old tracking boxes, whose firmware cannot be changed; docs/old-clients.md. */
@ApiTags('legacy')
@Public()
@UseFilters(LegacyExceptionFilter)
@Controller()
export class BoxesController {
  constructor(private readonly boxes: BoxesService) {}

  @Get(ERROR_CODES_PATH)
  @ApiOperation({ operationId: 'listOldErrorCodes', summary: 'The error codes of the old server' })
  @ApiNotFoundResponse({ description: 'The setting LEGACY_CLIENTS is off.' })
  @ApiOkResponse({ content: { 'application/json': { example: { '500': 'Error on server.' } } } })
  errorCodes(): Readonly<Record<string, string>> {
    return { '500': 'Error on server.' };
  }

  @Post(TRACKING_PATH)
  @HttpCode(200)
  @AcceptsNonJsonBody()
  @ApiOperation({
    operationId: 'reportBoxPosition',
    summary: 'Report the position of an old box. The answer follows when it is durable',
  })
  @ApiConsumes(...DIALECTS)
  @ApiBody(REPORT_BODY)
  @ApiOkResponse(ACCEPTED_RESPONSE)
  @ApiResponse(UNKNOWN_BOX_RESPONSE)
  @ApiResponse(UNREADABLE_RESPONSE)
  @ApiResponse(LIMITED_RESPONSE)
  @ApiResponse(FAILED_RESPONSE)
  track(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.boxes.track(request, response);
  }

  @Post(SNAPSHOT_PATH)
  @HttpCode(200)
  @AcceptsNonJsonBody()
  @ApiOperation({
    operationId: 'uploadBoxImages',
    summary: 'Upload pictures of an old box. The answer follows when they are durable',
  })
  @ApiConsumes('multipart/form-data')
  @ApiBody(SNAPSHOT_BODY)
  @ApiOkResponse(EMPTY_RESPONSE)
  @ApiResponse(UNREADABLE_RESPONSE)
  @ApiResponse(LIMITED_RESPONSE)
  @ApiResponse(FAILED_RESPONSE)
  snapshot(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.boxes.snapshot(request, response);
  }

  @Post(CRASH_PATH)
  @HttpCode(200)
  @AcceptsNonJsonBody()
  @ApiOperation({
    operationId: 'reportBoxCrash',
    summary: 'Report a crash of an old box. The answer follows when it is durable',
  })
  @ApiConsumes(...DIALECTS)
  @ApiBody(REPORT_BODY)
  @ApiOkResponse(EMPTY_RESPONSE)
  @ApiResponse(UNKNOWN_BOX_RESPONSE)
  @ApiResponse(UNREADABLE_RESPONSE)
  @ApiResponse(LIMITED_RESPONSE)
  @ApiResponse(FAILED_RESPONSE)
  crash(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.boxes.crash(request, response);
  }
}
