import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { AuthModule } from './auth/index.js';
import {
  CoreModule,
  InputPipe,
  type PinoLogger,
  ProblemFilter,
  RequestBodyInterceptor,
} from './core/index.js';
import { type Settings, SettingsModule } from './config/index.js';
import { CacheModule } from './cache/index.js';
import { ClusterModule } from './cluster/index.js';
import { CrashesModule } from './crashes/index.js';
import { DatabaseModule } from './database/index.js';
import { GatewayModule } from './gateway/index.js';
import { HealthModule } from './health/index.js';
import { ImagesModule } from './images/index.js';
import { CrewEventsModule } from './crew-events/index.js';
import { LegacyModule, SharedCollectionsModule } from './legacy/index.js';
import { DeploymentModule } from './deployment/index.js';
import { AdoptionFollowerModule } from './migration/adopt/index.js';
import { BackupScheduleModule } from './migration/backups/index.js';
import { TrackingModule } from './tracking/index.js';
import { VehiclesModule } from './vehicles/index.js';

@Module({})
export class AppModule {
  static with(settings: Settings, logger: PinoLogger): DynamicModule {
    return {
      module: AppModule,
      imports: [
        SettingsModule.with(settings),
        CoreModule.with(logger),
        DatabaseModule,
        ClusterModule,
        CacheModule,
        AuthModule,
        // Before VehiclesModule, so that `vehicles/nearest` is matched before `vehicles/:id`.
        TrackingModule,
        VehiclesModule,
        ImagesModule,
        CrashesModule,
        DeploymentModule,
        GatewayModule,
        LegacyModule.with(settings),
        AdoptionFollowerModule,
        BackupScheduleModule,
        CrewEventsModule.with(settings, SharedCollectionsModule),
        HealthModule,
      ],
      providers: [
        { provide: APP_FILTER, useExisting: ProblemFilter },
        { provide: APP_INTERCEPTOR, useClass: RequestBodyInterceptor },
        { provide: APP_PIPE, useClass: InputPipe },
      ],
    };
  }
}
