import { Controller, Get, Param, Query } from '@nestjs/common';
import { ForRole } from '../auth/index.js';
import { ApiOkResponse, ApiOperation, ApiTags, FailsWith, type Page, pageRequest } from '../core/index.js';
import { CrashDto, CrashPageDto, ListCrashesDto } from './crash.dto.js';
import { CrashesService } from './crashes.service.js';

@ApiTags('crashes')
@ForRole('viewer')
@Controller('api/v1/crashes')
export class CrashesController {
  constructor(private readonly crashes: CrashesService) {}

  @Get()
  @ApiOperation({
    operationId: 'listCrashes',
    summary: 'List crash reports, newest first, those of archived vehicles included',
  })
  @ApiOkResponse({ type: CrashPageDto })
  list(@Query() { limit, cursor, vehicleId }: ListCrashesDto): Promise<Page<CrashDto>> {
    return this.crashes.list(pageRequest(limit, cursor), vehicleId ?? null);
  }

  @Get(':id')
  @ApiOperation({ operationId: 'getCrash', summary: 'Get one crash report' })
  @ApiOkResponse({ type: CrashDto })
  @FailsWith('crashes/not-found')
  get(@Param('id') id: string): Promise<CrashDto> {
    return this.crashes.get(id);
  }
}
