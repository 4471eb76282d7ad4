import { Controller, Get, Param, Query, Res, StreamableFile } from '@nestjs/common';
import type { Response } from 'express';
import { ForRole } from '../../auth/index.js';
import {
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  FailsWith,
  type FieldError,
  invalidInput,
  positionJson,
} from '../../core/index.js';
import { VehiclesService } from '../../vehicles/index.js';
import { ListPositionsDto, PositionPageDto, TRACK_EXAMPLES } from './history.dto.js';
import type { HistoryRange } from '../positions.repository.js';
import { PositionHistoryService } from './position-history.service.js';
import { TrackExportService } from './track-export.service.js';

const DEFAULT_LIMIT = 1_000;

@ApiTags('positions')
@Controller('api/v1/vehicles/:id/positions')
export class HistoryController {
  constructor(
    private readonly vehicles: VehiclesService,
    private readonly history: PositionHistoryService,
    private readonly trackExport: TrackExportService,
  ) {}

  @Get()
  @ForRole('viewer')
  @ApiOperation({
    operationId: 'listPositions',
    summary: 'Get the positions of a vehicle, as pages or as a file; also of archived vehicles',
  })
  @ApiExtraModels(PositionPageDto)
  @ApiOkResponse({ content: TRACK_EXAMPLES })
  @FailsWith('vehicles/not-found')
  async list(
    @Param('id') id: string,
    @Query() query: ListPositionsDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<string | StreamableFile> {
    const { limit, cursor, format } = query;
    const faults = faultsOf(query);
    if (faults.length > 0) throw invalidInput(faults);
    const vehicle = await this.vehicles.getIncludingArchived(id);
    const range = rangeOf(vehicle.id, query);
    if (format) {
      const { content, mediaType, disposition } = await this.trackExport.open(
        vehicle.callSign,
        range,
        format,
      );
      return new StreamableFile(content, { type: mediaType, disposition });
    }
    const { items, nextCursor } = await this.history.page(range, limit ?? DEFAULT_LIMIT, cursor);
    // Text, because the views of 5,000 positions and their JSON cost more than reading them.
    response.type('json');
    return `{"items":[${items.map(positionJson).join(',')}],"nextCursor":${JSON.stringify(nextCursor)}}`;
  }
}

function rangeOf(vehicleId: string, { from, to, order }: ListPositionsDto): HistoryRange {
  return { vehicleId, fromMs: from ?? null, toMs: to ?? null, order };
}

/** Checks the rules that concern several fields. */
function faultsOf({ from, to, format, limit, cursor }: ListPositionsDto): FieldError[] {
  const faults: FieldError[] = [];
  if (from !== undefined && to !== undefined && from > to) {
    faults.push({ path: 'from', message: 'from must not lie after to' });
  }
  if (format === undefined) return faults;
  // A file that ends with a page would look complete.
  if (limit !== undefined)
    faults.push({ path: 'limit', message: 'limit is for pages: a file holds the whole range' });
  if (cursor !== undefined)
    faults.push({ path: 'cursor', message: 'cursor is for pages: a file holds the whole range' });
  return faults;
}
