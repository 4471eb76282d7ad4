import { Controller, Get, HttpCode, Post, Req, Res, UseFilters } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Public } from '../../auth/index.js';
import { TakesOtherBody } from '../../common/index.js';
import { CRASH_PATH, ERROR_CODES_PATH, SNAPSHOT_PATH, TRACKING_PATH } from '../old-routes.js';
import { Boxes } from './boxes.service.js';
import {
  EMPTY_ANSWER,
  FAILED_ANSWER,
  REPORT_BODY,
  SNAPSHOT_BODY,
  TAKEN_ANSWER,
  UNKNOWN_BOX_ANSWER,
  UNREADABLE_ANSWER,
} from './boxes.examples.js';
import { OldAnswersFilter } from './old-answers.filter.js';

const DIALECTS = ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'];

/** The old server's boxes, which will not be changed any more; docs/old-clients.md. */
@ApiTags('legacy')
@Public()
@UseFilters(OldAnswersFilter)
@Controller()
export class BoxesController {
  constructor(private readonly boxes: Boxes) {}

  @Get(ERROR_CODES_PATH)
  @ApiOperation({ summary: 'All that the old server had to say of its errors' })
  @ApiOkResponse({ content: { 'application/json': { example: { '500': 'Error on server.' } } } })
  errorCodes(): Readonly<Record<string, string>> {
    return { '500': 'Error on server.' };
  }

  @Post(TRACKING_PATH)
  @HttpCode(200)
  @TakesOtherBody()
  @ApiOperation({ summary: 'A position of an old box; answered when it is durable' })
  @ApiConsumes(...DIALECTS)
  @ApiBody(REPORT_BODY)
  @ApiOkResponse(TAKEN_ANSWER)
  @ApiResponse(UNKNOWN_BOX_ANSWER)
  @ApiResponse(UNREADABLE_ANSWER)
  @ApiResponse(FAILED_ANSWER)
  track(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.boxes.track(request, response);
  }

  @Post(SNAPSHOT_PATH)
  @HttpCode(200)
  @TakesOtherBody()
  @ApiOperation({ summary: 'Pictures of an old box; answered when they are durable' })
  @ApiConsumes('multipart/form-data')
  @ApiBody(SNAPSHOT_BODY)
  @ApiOkResponse(EMPTY_ANSWER)
  @ApiResponse(UNREADABLE_ANSWER)
  @ApiResponse(FAILED_ANSWER)
  snapshot(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.boxes.snapshot(request, response);
  }

  @Post(CRASH_PATH)
  @HttpCode(200)
  @TakesOtherBody()
  @ApiOperation({ summary: 'A crash that an old box has felt; answered when it is durable' })
  @ApiConsumes(...DIALECTS)
  @ApiBody(REPORT_BODY)
  @ApiOkResponse(EMPTY_ANSWER)
  @ApiResponse(UNKNOWN_BOX_ANSWER)
  @ApiResponse(UNREADABLE_ANSWER)
  @ApiResponse(FAILED_ANSWER)
  crash(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.boxes.crash(request, response);
  }
}
