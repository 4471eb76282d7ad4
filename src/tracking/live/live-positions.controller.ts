import { Controller, Get, Query } from '@nestjs/common';
import { ForRole } from '../../auth/index.js';
import {
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  isInside,
  type Page,
  parseBoundingBox,
} from '../../core/index.js';
import { LatestPositions } from './latest-positions.js';
import { LivePositionDto, LivePositionListDto, LivePositionsDto } from '../position.dto.js';

@ApiTags('positions')
@Controller('api/v1/positions/live')
export class LivePositionsController {
  constructor(private readonly latest: LatestPositions) {}

  @Get()
  @ForRole('viewer')
  @ApiOperation({
    operationId: 'listLivePositions',
    summary: 'List the latest position of every vehicle, or of those inside a bounding box',
  })
  @ApiOkResponse({ type: LivePositionListDto })
  list(@Query() { bbox }: LivePositionsDto): Page<LivePositionDto> {
    const box = bbox === undefined ? null : parseBoundingBox(bbox);
    const items = [...this.latest.all()]
      .filter((position) => box === null || isInside(box, position))
      .map((position) => ({ vehicleId: position.vehicleId, position: this.latest.view(position) }));
    return { items, nextCursor: null };
  }
}
