import { Body, Controller, Delete, HttpCode, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ForOperators } from '../auth/index.js';
import { FailsWith } from '../core/index.js';
import { DrainDto, HandoverDto, LettingGoDto } from './ops.dto.js';
import { OpsService } from './ops.service.js';

/** What operators and tools do to this very instance. */
@ApiTags('ops')
@ForOperators()
@Controller('api/v1/ops')
export class OpsController {
  constructor(private readonly ops: OpsService) {}

  @Post('drain')
  @HttpCode(202)
  @ApiOperation({ summary: 'Let go of everybody, take nobody in, and wait for SIGTERM; no way back' })
  @ApiAcceptedResponse({ type: LettingGoDto })
  drain(@Body() { why }: DrainDto): Promise<LettingGoDto> {
    return this.ops.drain(why);
  }

  @Post('handover')
  @HttpCode(202)
  @ApiOperation({ summary: 'Stay ready, and let go of the sockets that are here now, in batches' })
  @ApiAcceptedResponse({ type: LettingGoDto })
  @FailsWith('ops/draining')
  handOver(@Body() { withinS, why }: HandoverDto): Promise<LettingGoDto> {
    return this.ops.handOver(withinS, why);
  }

  @Delete('handover')
  @HttpCode(200)
  @ApiOperation({ summary: 'Let go of nobody more' })
  @ApiOkResponse({ type: LettingGoDto })
  undoHandover(): Promise<LettingGoDto> {
    return this.ops.undoHandover();
  }
}
