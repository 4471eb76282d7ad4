import { Controller, Get } from '@nestjs/common';
import { ForRole } from '../../auth/index.js';
import { ApiOkResponse, ApiOperation, ApiTags, type Page } from '../../core/index.js';
import { type UnknownBox, UnknownBoxes } from './unknown-boxes.js';
import { LegacyClientPageDto } from './legacy-client.dto.js';
import type { LegacyClient } from './legacy-client.schema.js';
import { LegacyClientTracker } from './legacy-client-tracker.js';
import { UnknownBoxPageDto } from './legacy-client.dto.js';

/** Shows the operator which clients of the old server are in use, and which box codes no vehicle has. */
@ApiTags('legacy')
@ForRole('dispatcher')
@Controller('api/v1/legacy')
export class LegacyController {
  constructor(
    private readonly unknownBoxes: UnknownBoxes,
    private readonly clientTracker: LegacyClientTracker,
  ) {}

  @Get('unknown-boxes')
  @ApiOperation({
    operationId: 'listUnknownBoxes',
    summary: 'List boxes that report to this instance and belong to no vehicle, the most recent first',
  })
  @ApiOkResponse({ type: UnknownBoxPageDto })
  list(): Page<UnknownBox> {
    return { items: this.unknownBoxes.list(), nextCursor: null };
  }

  @Get('clients')
  @ApiOperation({
    operationId: 'listLegacyClients',
    summary: 'List old boxes and panels of all instances, the most recent first; up to 30 s behind',
  })
  @ApiOkResponse({ type: LegacyClientPageDto })
  async clients(): Promise<Page<LegacyClient>> {
    return { items: await this.clientTracker.list(), nextCursor: null };
  }
}
