import { Controller, Get, Header, Query } from '@nestjs/common';
import { ForRole } from '../../auth/index.js';
import { ApiOkResponse, ApiOperation, ApiTags, parseBoundingBox } from '../../core/index.js';
import { LatestPositions } from './latest-positions.js';
import { LivePositionListDto, LivePositionsDto } from '../position.dto.js';

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
  @Header('Content-Type', 'application/json; charset=utf-8')
  list(@Query() { bbox }: LivePositionsDto): string {
    const box = bbox === undefined ? null : parseBoundingBox(bbox);
    const items = this.latest.search.inside(box).map((position) => this.latest.json(position));
    return `{"items":[${items.join(',')}],"nextCursor":null}`;
  }
}
