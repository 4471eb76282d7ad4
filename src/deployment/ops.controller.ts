import { Body, Controller, Delete, HttpCode, Post } from '@nestjs/common';
import { ForOperators } from '../auth/index.js';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags, FailsWith } from '../core/index.js';
import { DrainDto, HandoverDto, LettingGoDto } from './ops.dto.js';
import { OpsService } from './ops.service.js';

/** Actions of operators and tools on this instance. */
@ApiTags('ops')
@ForOperators()
@Controller('api/v1/ops')
export class OpsController {
  constructor(private readonly ops: OpsService) {}

  @Post('drain')
  @HttpCode(202)
  @ApiOperation({
    operationId: 'startDrain',
    summary: 'Drain: close all sockets, refuse new ones and wait for SIGTERM; cannot be undone',
  })
  @ApiAcceptedResponse({ type: LettingGoDto })
  drain(@Body() { why }: DrainDto): Promise<LettingGoDto> {
    return this.ops.drain(why);
  }

  @Post('handover')
  @HttpCode(202)
  @ApiOperation({
    operationId: 'startHandover',
    summary: 'Handover: stay ready and close the sockets of this moment, spread over a time',
  })
  @ApiAcceptedResponse({ type: LettingGoDto })
  @FailsWith('ops/draining')
  handOver(@Body() { withinS, why }: HandoverDto): Promise<LettingGoDto> {
    return this.ops.handOver(withinS, why);
  }

  @Delete('handover')
  @HttpCode(200)
  @ApiOperation({ operationId: 'undoHandover', summary: 'Undo the handover: close no further socket' })
  @ApiOkResponse({ type: LettingGoDto })
  undoHandover(): Promise<LettingGoDto> {
    return this.ops.undoHandover();
  }
}
