import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Clock } from './clock.js';
import { ClockDoubt } from './clock-doubt.js';
import { HttpTraffic } from './http-traffic.js';
import { LogLevel } from './log-level.js';
import { Metrics } from './metrics.js';
import { ProcessMetrics } from './process-metrics.js';

@Global()
@Module({
  providers: [Clock, ClockDoubt, Metrics, ProcessMetrics, HttpTraffic],
  exports: [Clock, ClockDoubt, Metrics, HttpTraffic],
})
export class CommonModule {
  /** @param logLevel of the logger, which is older than the application */
  static with(logLevel: LogLevel): DynamicModule {
    return {
      module: CommonModule,
      providers: [{ provide: LogLevel, useValue: logLevel }],
      exports: [LogLevel],
    };
  }
}
