import { Injectable } from '@nestjs/common';
import { Metrics } from '../metrics/metrics.js';
import { PinoLogger } from './pino-logger.js';

@Injectable()
export class LogMetrics {
  constructor(metrics: Metrics, logger: PinoLogger) {
    metrics.counter({
      name: 'samserver_log_lines_dropped_total',
      help: 'Log lines that were dropped because the reader of stdout did not take them.',
      total: () => logger.droppedLines,
    });
  }
}
