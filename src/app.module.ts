import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { AuthModule } from './auth/index.js';
import {
  BodyTypeInterceptor,
  CommonModule,
  InputPipe,
  type LogLevel,
  ProblemFilter,
} from './common/index.js';
import { type Settings, SettingsModule } from './config/index.js';
import { CrashesModule } from './crashes/index.js';
import { DatabaseModule } from './database/index.js';
import { GatewayModule } from './gateway/index.js';
import { HealthModule } from './health/index.js';
import { HttpCalls } from './http-calls.js';
import { ImagesModule } from './images/index.js';
import { CrewEventsModule, LegacyModule } from './legacy/index.js';
import { ReleaseModule } from './release/index.js';
import { TrackingModule } from './tracking/index.js';
import { VehiclesModule } from './vehicles/index.js';

@Module({})
export class AppModule {
  static with(settings: Settings, logLevel: LogLevel): DynamicModule {
    return {
      module: AppModule,
      imports: [
        SettingsModule.with(settings),
        CommonModule.with(logLevel),
        DatabaseModule,
        AuthModule,
        // Before the vehicles: `vehicles/nearest` would be taken for `vehicles/:id`.
        TrackingModule,
        VehiclesModule,
        ImagesModule,
        CrashesModule,
        ReleaseModule,
        GatewayModule,
        LegacyModule.with(settings),
        CrewEventsModule.with(settings),
        HealthModule,
      ],
      providers: [
        HttpCalls,
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_INTERCEPTOR, useClass: BodyTypeInterceptor },
        { provide: APP_PIPE, useClass: InputPipe },
      ],
    };
  }
}
