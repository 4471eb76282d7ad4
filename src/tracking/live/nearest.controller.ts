import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '../../core/index.js';
import { ForRole } from '../../auth/index.js';
import { FindNearestDto, NearestDto } from './nearest.dto.js';
import { type NearestAnswer, NearestVehiclesService } from './nearest-vehicles.service.js';

/** `app.module.ts` registers it before `vehicles/:id`, which would match `nearest` as an id. */
@ApiTags('vehicles')
@Controller('api/v1/vehicles/nearest')
export class NearestController {
  constructor(private readonly nearest: NearestVehiclesService) {}

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
