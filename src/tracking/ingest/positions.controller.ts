import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Caller, type DevicePrincipal, ForDevice } from '../../auth/index.js';
import { FailsWith, type ReportAnswer } from '../../core/index.js';
import { REPORT_ANSWER_EXAMPLE, REPORT_EXAMPLE } from './positions.examples.js';
import { PositionsService } from './positions.service.js';

@ApiTags('positions')
@Controller('api/v1/positions')
export class PositionsController {
  constructor(private readonly positions: PositionsService) {}

  @Post()
  @ForDevice()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Report 1–500 positions of the token’s own vehicle; answered when they are durable',
  })
  @ApiBody({ schema: { type: 'object', example: REPORT_EXAMPLE } })
  @ApiOkResponse({ schema: { type: 'object', example: REPORT_ANSWER_EXAMPLE } })
  @FailsWith('positions/overloaded')
  report(@Caller() device: DevicePrincipal, @Body('positions') positions: unknown): Promise<ReportAnswer> {
    return this.positions.report(device.vehicleId, positions, 'http');
  }
}
