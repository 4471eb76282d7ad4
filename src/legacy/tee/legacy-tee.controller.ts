import { Controller, Get } from '@nestjs/common';
import { ForOperators } from '../../auth/index.js';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '../../core/index.js';
import { PostTee } from './post-tee.service.js';

const STATES = ['off', 'idle', 'passing', 'held', 'stalled'] as const;

export class LegacyTeeDto {
  @ApiProperty({
    enum: STATES,
    description:
      'off: LEGACY_TEE_URL is not set. idle: this service has the role. passing: posts are passed on. held: after a crash report, until the old server answers. stalled: a post has waited for over 15 s.',
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
  constructor(private readonly tee: PostTee) {}

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
}
