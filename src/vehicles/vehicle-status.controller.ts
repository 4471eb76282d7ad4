import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { Caller, ForDevice, ForRole, type Principal } from '../auth/index.js';
import { ApiOkResponse, ApiOperation, ApiTags, FailsWith, type Page } from '../core/index.js';
import {
  ListStatusHistoryDto,
  StateStatusDto,
  StatusAnswerDto,
  StatusChangeDto,
  StatusHistoryDto,
} from './status.dto.js';
import { actorOf } from './status-change.js';
import { otherVehicle } from './vehicle.errors.js';
import { type StatusAnswer, VehicleStatusService } from './vehicle-status.service.js';

@ApiTags('vehicles')
@Controller('api/v1/vehicles/:id')
export class VehicleStatusController {
  constructor(private readonly statuses: VehicleStatusService) {}

  @Post('status')
  @ForDevice()
  @HttpCode(200)
  @ApiOperation({
    operationId: 'setVehicleStatus',
    summary: 'Set the unit status, with the device token of this vehicle',
  })
  @ApiOkResponse({ type: StatusAnswerDto })
  @FailsWith('vehicles/other-vehicle', 'vehicles/not-found', 'vehicles/busy')
  state(
    @Param('id') id: string,
    @Body() { status, at }: StateStatusDto,
    @Caller() caller: Principal,
  ): Promise<StatusAnswer> {
    if (caller.kind === 'device' && caller.vehicleId !== id) throw otherVehicle();
    return this.statuses.state(id, { status, atMs: at }, actorOf(caller));
  }

  @Get('status-history')
  @ForRole('viewer')
  @ApiOperation({
    operationId: 'listStatusChanges',
    summary: 'List the status history of a vehicle, newest first; also of archived vehicles',
  })
  @ApiOkResponse({ type: StatusHistoryDto })
  @FailsWith('vehicles/not-found')
  async history(
    @Param('id') id: string,
    @Query() { limit, cursor }: ListStatusHistoryDto,
  ): Promise<Page<StatusChangeDto>> {
    const { items, nextCursor } = await this.statuses.listHistory(id, limit, cursor);
    return { items: items.map(({ vehicleId: _, ...change }) => change), nextCursor };
  }
}
