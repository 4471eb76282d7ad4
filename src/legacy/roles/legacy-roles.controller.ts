import { Body, Controller, Get, Put } from '@nestjs/common';
import { AuditLog, ForOperators } from '../../auth/index.js';
import { ApiOkResponse, ApiOperation, ApiTags, FailsWith } from '../../core/index.js';
import { ChangeLegacyRoleDto, LegacyRolesDto } from './legacy-roles.dto.js';
import { LegacyRoles } from './legacy-roles.js';

@ApiTags('ops')
@ForOperators()
@Controller('api/v1/ops/legacy-roles')
export class LegacyRolesController {
  constructor(
    private readonly roles: LegacyRoles,
    private readonly audit: AuditLog,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'getLegacyRoles',
    summary: 'Who writes the shared collections and notifies the panel: the old server or this service',
  })
  @ApiOkResponse({ type: LegacyRolesDto })
  get(): LegacyRolesDto {
    const { role, epoch = null, record } = this.roles;
    return { role, epoch, isStored: record !== null, history: record?.history ?? [] };
  }

  @Put()
  @ApiOperation({
    operationId: 'changeLegacyRoles',
    summary: 'Give the role to the old server or to this service, on all instances',
  })
  @ApiOkResponse({ type: LegacyRolesDto })
  @FailsWith('ops/legacy-roles-changed')
  async change(@Body() { role, epoch, by, why }: ChangeLegacyRoleDto): Promise<LegacyRolesDto> {
    const change = { role, by: by ?? 'operator', why: why ?? '' };
    await this.audit.recordAndRun(
      [
        {
          action: 'ops.legacy-roles-changed',
          target: { kind: 'instance', id: null, email: null },
          details: change,
        },
      ],
      () => this.roles.change(change, epoch ?? undefined),
    );
    return this.get();
  }
}
