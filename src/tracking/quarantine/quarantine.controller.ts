import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags, FailsWith } from '../../core/index.js';
import { Caller, ForRole, type UserPrincipal } from '../../auth/index.js';
import { QuarantinedPositionDto, QuarantinePageDto, QuarantineQueryDto } from './quarantine.dto.js';
import { QuarantineService } from './quarantine.service.js';

@ApiTags('positions')
@Controller('api/v1/quarantine')
export class QuarantineController {
  constructor(private readonly quarantine: QuarantineService) {}

  @Get()
  @ForRole('viewer')
  @ApiOperation({
    operationId: 'listQuarantine',
    summary: 'List quarantined positions, newest arrival first',
  })
  @ApiOkResponse({ type: QuarantinePageDto })
  list(@Query() query: QuarantineQueryDto): Promise<QuarantinePageDto> {
    return this.quarantine.list(query);
  }

  @Post(':id/release')
  @ForRole('dispatcher')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'releasePosition',
    summary: 'Release a quarantined position: it becomes part of the history and is published live',
  })
  @ApiOkResponse({ type: QuarantinedPositionDto })
  @FailsWith('quarantine/not-found')
  release(@Param('id') id: string, @Caller() caller: UserPrincipal): Promise<QuarantinedPositionDto> {
    return this.quarantine.release(id, caller.userId);
  }
}
