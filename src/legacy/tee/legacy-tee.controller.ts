import { Body, Controller, Get, Put } from '@nestjs/common';
import { IsInt, Max, Min } from 'class-validator';
import { AuditLog, ForOperators } from '../../auth/index.js';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '../../core/index.js';
import { PostTee } from './post-tee.service.js';

const STATES = ['off', 'idle', 'passing', 'paused', 'held', 'stalled'] as const;
/** The old server reports vehicles as offline 60 s after their last post. */
const MAX_PAUSE_S = 30;

/** Unknown fields are rejected. */
export class PauseLegacyTeeDto {
  @ApiProperty({
    description: 'Nothing is sent to the old server for so many seconds; 0 ends the pause.',
    minimum: 0,
    maximum: MAX_PAUSE_S,
    example: 20,
  })
  @Max(MAX_PAUSE_S)
  @Min(0)
  @IsInt()
  pauseS!: number;
}

export class LegacyTeeDto {
  @ApiProperty({
    enum: STATES,
    description:
      'off: LEGACY_TEE_URL is not set. idle: this service has the role. passing: posts are passed on. paused: an operator is about to stop the old server. held: after a crash report, until the old server answers. stalled: a post has waited for over 15 s.',
    example: 'passing',
  })
  state!: (typeof STATES)[number];

  @ApiProperty({ type: 'integer', description: 'Posts that are not settled.', example: 0 })
  waiting!: number;

  @ApiProperty({
    type: 'integer',
    description: 'Of these, requests to the old server without an answer.',
    example: 0,
  })
  inFlight!: number;

  @ApiProperty({ type: 'integer', description: 'Age of the oldest waiting post; 0 without one.', example: 0 })
  oldestMs!: number;

  @ApiProperty({
    description: 'Nothing waits on this instance, nor on the disk of one that has ended.',
    example: true,
  })
  isDrained!: boolean;
}

@ApiTags('ops')
@ForOperators()
@Controller('api/v1/ops/legacy-tee')
export class LegacyTeeController {
  constructor(
    private readonly tee: PostTee,
    private readonly audit: AuditLog,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'getLegacyTee',
    summary: 'Posts that this instance passes on to the old server',
  })
  @ApiOkResponse({ type: LegacyTeeDto })
  get(): LegacyTeeDto {
    const { state, waiting, inFlight, lagMs, isDrained } = this.tee;
    return { state, waiting, inFlight, oldestMs: lagMs, isDrained };
  }

  @Put()
  @ApiOperation({
    operationId: 'pauseLegacyTee',
    summary:
      'Pass no post on to the old server for some seconds, so that it can be stopped; on all instances',
  })
  @ApiOkResponse({ type: LegacyTeeDto })
  async pause(@Body() { pauseS }: PauseLegacyTeeDto): Promise<LegacyTeeDto> {
    await this.tee.pause(pauseS * 1_000);
    await this.audit.record({
      action: 'ops.legacy-tee-paused',
      target: { kind: 'instance', id: null, email: null },
      details: { pauseS: String(pauseS) },
    });
    return this.get();
  }
}
