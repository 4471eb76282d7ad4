import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '../core/index.js';
import { ForRoleOrOperators } from '../auth/index.js';
import { ConnectionsDto, ConnectionsQueryDto, InstancesDto } from './instances.dto.js';
import { InstancesService } from './instances.service.js';

/** What operators and admins see of all instances. */
@ApiTags('ops')
@ForRoleOrOperators('admin')
@Controller('api/v1/ops')
export class InstancesController {
  constructor(private readonly instances: InstancesService) {}

  @Get('instances')
  @ApiOperation({ operationId: 'listInstances', summary: 'List the running instances with their sockets' })
  @ApiOkResponse({ type: InstancesDto })
  list(): Promise<InstancesDto> {
    return this.instances.list();
  }

  @Get('connections')
  @ApiOperation({
    operationId: 'findConnections',
    summary: 'Find the sockets of a vehicle or a user on all instances',
  })
  @ApiOkResponse({ type: ConnectionsDto })
  connections(@Query() query: ConnectionsQueryDto): Promise<ConnectionsDto> {
    return this.instances.findConnections(query);
  }
}
