import { Body, Controller, Get, Put } from '@nestjs/common';
import { IsBoolean } from 'class-validator';
import { AuditLog, ForOperators } from '../../auth/index.js';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '../../core/index.js';
import { MirrorSwitch } from './mirror-switch.js';

/** Unknown fields are rejected. */
export class LegacyMirrorDto {
  @ApiProperty({ description: 'Mirrored posts of old boxes are taken.', example: false })
  @IsBoolean()
  isOn!: boolean;
}

@ApiTags('ops')
@ForOperators()
@Controller('api/v1/ops/legacy-mirror')
export class MirroredPostsController {
  constructor(
    private readonly mirror: MirrorSwitch,
    private readonly audit: AuditLog,
  ) {}

  @Get()
  @ApiOperation({ operationId: 'getLegacyMirror', summary: 'Whether mirrored posts of old boxes are taken' })
  @ApiOkResponse({ type: LegacyMirrorDto })
  get(): LegacyMirrorDto {
    return { isOn: this.mirror.isOn };
  }

  @Put()
  @ApiOperation({
    operationId: 'changeLegacyMirror',
    summary: 'Take mirrored posts of old boxes, or answer them with 503 from now on; on all instances',
  })
  @ApiOkResponse({ type: LegacyMirrorDto })
  async change(@Body() { isOn }: LegacyMirrorDto): Promise<LegacyMirrorDto> {
    // First the change: an operator needs it most in trouble.
    await this.mirror.change(isOn);
    await this.audit.record({
      action: 'ops.legacy-mirror-changed',
      target: { kind: 'instance', id: null, email: null },
      details: { isOn: String(isOn) },
    });
    return this.get();
  }
}
