import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags, type Page, pageRequest } from '../../core/index.js';
import { ForRole } from '../access/access.decorators.js';
import type { AuditEntry } from './audit-entry.js';
import { AuditLog } from './audit-log.js';
import { AuditPageDto, ListAuditDto } from './audit.dto.js';

@ApiTags('audit')
@ForRole('admin')
@Controller('api/v1/audit')
export class AuditController {
  constructor(private readonly log: AuditLog) {}

  @Get()
  @ApiOperation({ operationId: 'listAuditEntries', summary: 'List audit entries, newest first' })
  @ApiOkResponse({ type: AuditPageDto })
  list(@Query() { limit, cursor, actor, target }: ListAuditDto): Promise<Page<AuditEntry>> {
    return this.log.list(pageRequest(limit, cursor), {
      ...(actor !== undefined && { actor }),
      ...(target !== undefined && { target }),
    });
  }
}
