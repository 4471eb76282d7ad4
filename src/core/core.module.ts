import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Clock } from './time/clock.js';
import { EventBus } from './events/event-bus.js';
import { RecordEpoch } from './events/record-epoch.js';
import { BackgroundJobs } from './jobs/background-jobs.js';
import { LagMonitor } from './jobs/lag-monitor.js';
import { ClockSkewDetector } from './time/clock-skew-detector.js';
import { ClientAddresses } from './http/client-addresses.js';
import { ConnectionLimits } from './http/connection-limits.js';
import { HttpTraffic } from './http/http-traffic.js';
import { JsonBodies } from './http/json-bodies.js';
import { LeanRoutes } from './http/lean-routes.js';
import { ProblemFilter } from './errors/problem.filter.js';
import { InFlightBytes } from './limits/in-flight-bytes.js';
import { SharedRates } from './limits/shared-rates.js';
import { SocketErrors } from './errors/socket-errors.js';
import { LogLevel } from './logging/log-level.js';
import { LogMetrics } from './logging/log-metrics.js';
import { PinoLogger } from './logging/pino-logger.js';
import { Metrics } from './metrics/metrics.js';
import { ProcessMetrics } from './metrics/process-metrics.js';

@Global()
@Module({
  providers: [
    ClientAddresses,
    Clock,
    ConnectionLimits,
    ClockSkewDetector,
    EventBus,
    BackgroundJobs,
    LagMonitor,
    Metrics,
    ProcessMetrics,
    HttpTraffic,
    InFlightBytes,
    JsonBodies,
    LeanRoutes,
    LogMetrics,
    ProblemFilter,
    RecordEpoch,
    SharedRates,
    SocketErrors,
  ],
  exports: [
    BackgroundJobs,
    ClientAddresses,
    Clock,
    ConnectionLimits,
    ClockSkewDetector,
    EventBus,
    HttpTraffic,
    InFlightBytes,
    JsonBodies,
    LagMonitor,
    LeanRoutes,
    Metrics,
    ProblemFilter,
    RecordEpoch,
    SharedRates,
    SocketErrors,
  ],
})
export class CoreModule {
  /** @param logger exists before the application */
  static with(logger: PinoLogger): DynamicModule {
    return {
      module: CoreModule,
      providers: [
        { provide: PinoLogger, useValue: logger },
        { provide: LogLevel, useValue: logger.level },
      ],
      exports: [LogLevel],
    };
  }
}
