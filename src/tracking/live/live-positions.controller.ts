import { Controller, Get, Header, Query } from '@nestjs/common';
import { AccessTokensService, ForRole, OpsTokens, userAccess } from '../../auth/index.js';
import { ApiOkResponse, ApiOperation, ApiTags, LeanRoutes, parseBoundingBox } from '../../core/index.js';
import { LatestPositions } from './latest-positions.js';
import { LivePositionListDto, LivePositionsDto } from '../position.dto.js';

const PATH = 'api/v1/positions/live';

@ApiTags('positions')
@Controller(PATH)
export class LivePositionsController {
  constructor(
    private readonly latest: LatestPositions,
    accessTokens: AccessTokensService,
    opsTokens: OpsTokens,
    leanRoutes: LeanRoutes,
  ) {
    leanRoutes.add({
      method: 'GET',
      path: `/${PATH}`,
      // A bounding box takes the general path.
      query: {},
      access: userAccess(accessTokens, opsTokens),
      handle: () => ({ body: this.list({}) }),
    });
  }

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
