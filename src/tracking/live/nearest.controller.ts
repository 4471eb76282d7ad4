import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags, type LeanQuery, LeanRoutes } from '../../core/index.js';
import { AccessTokensService, ForRole, OpsTokens, userAccess } from '../../auth/index.js';
import { UNIT_STATUSES, type UnitStatus } from '../../vehicles/index.js';
import { FindNearestDto, NearestDto } from './nearest.dto.js';
import { type NearestAnswer, NearestVehiclesService } from './nearest-vehicles.service.js';

const PATH = 'api/v1/vehicles/nearest';
/** Plain spellings of what `FindNearestDto` accepts. */
const QUERY = {
  lat: /^-?[1-8]?\d(?:\.\d{1,20})?$/,
  lon: /^-?(?:1[0-7]\d|[1-9]?\d)(?:\.\d{1,20})?$/,
  status: new RegExp(`^(?:${UNIT_STATUSES.join('|')})$`),
  limit: /^(?:[1-9]\d?|[1-4]\d\d|500)$/,
  maxAgeS: /^(?:[1-9]\d{0,4}|[1-5]\d{5}|60[0-3]\d{3}|604[0-7]\d\d|604800)$/,
};

/** `app.module.ts` registers it before `vehicles/:id`, which would match `nearest` as an id. */
@ApiTags('vehicles')
@Controller(PATH)
export class NearestController {
  constructor(
    private readonly nearest: NearestVehiclesService,
    accessTokens: AccessTokensService,
    opsTokens: OpsTokens,
    leanRoutes: LeanRoutes,
  ) {
    leanRoutes.add({
      method: 'GET',
      path: `/${PATH}`,
      query: QUERY,
      requiredQuery: ['lat', 'lon'],
      access: userAccess(accessTokens, opsTokens),
      handle: async (query) => ({ body: await nearest.find(nearestQuery(query as LeanQuery)) }),
    });
  }

  @Get()
  @ForRole('viewer')
  @ApiOperation({
    operationId: 'findNearestVehicles',
    summary: 'Find the nearest vehicles of a status, with the number excluded for each reason',
  })
  @ApiOkResponse({ type: NearestDto })
  find(@Query() query: FindNearestDto): Promise<NearestAnswer> {
    return this.nearest.find(query);
  }
}

function nearestQuery({ lat, lon, ...others }: LeanQuery): FindNearestDto {
  const { status, limit, maxAgeS } = others;
  const query = new FindNearestDto();
  query.lat = Number(lat);
  query.lon = Number(lon);
  if (status !== undefined) query.status = status as UnitStatus;
  if (limit !== undefined) query.limit = Number(limit);
  if (maxAgeS !== undefined) query.maxAgeS = Number(maxAgeS);
  return query;
}
