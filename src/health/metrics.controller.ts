import { Controller, Get, Header, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ForScrapers } from '../auth/index.js';
import { ApiOkResponse, ApiOperation, ApiTags, Metrics } from '../core/index.js';

const EXAMPLE = `# HELP samserver_positions_waiting Positions that are not durable yet…
# TYPE samserver_positions_waiting gauge
samserver_positions_waiting 0
`;

/** Metrics come from memory only: a scrape is answered at once, also during a database outage. */
@ApiTags('health')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @ForScrapers()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    operationId: 'getMetrics',
    summary: 'Metrics of this instance in the Prometheus text format',
  })
  @ApiOkResponse({ content: { 'text/plain': { example: EXAMPLE } } })
  read(@Res({ passthrough: true }) response: Response): Promise<string> {
    response.setHeader('Content-Type', this.metrics.contentType);
    return this.metrics.text();
  }
}
