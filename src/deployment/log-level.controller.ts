import { Body, Controller, Put } from '@nestjs/common';
import { ForOperators } from '../auth/index.js';
import { ApiOkResponse, ApiOperation, ApiTags, DEFAULT_LEVEL_S, type LevelChange } from '../core/index.js';
import { ChangeLogLevelDto, LevelChangeDto } from './log-level.dto.js';
import { LogLevelService } from './log-level.service.js';

@ApiTags('ops')
@Controller('api/v1/ops/log-level')
export class LogLevelController {
  constructor(private readonly levels: LogLevelService) {}

  @Put()
  @ForOperators()
  @ApiOperation({
    operationId: 'changeLogLevel',
    summary: 'Change the log level of this instance for a time; works during a database outage',
  })
  @ApiOkResponse({ type: LevelChangeDto })
  change(@Body() { level, forS = DEFAULT_LEVEL_S }: ChangeLogLevelDto): Promise<LevelChange> {
    return this.levels.change(level, forS);
  }
}
