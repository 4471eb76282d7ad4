import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { AuthModule } from './auth/index.js';
import { CommonModule, InputPipe, ProblemFilter } from './common/index.js';
import { type Settings, SettingsModule } from './config/index.js';
import { DatabaseModule } from './database/index.js';
import { GatewayModule } from './gateway/index.js';
import { HealthModule } from './health/index.js';
import { ImagesModule } from './images/index.js';
import { ReleaseModule } from './release/index.js';
import { TrackingModule } from './tracking/index.js';
import { VehiclesModule } from './vehicles/index.js';

@Module({})
export class AppModule {
  static with(settings: Settings): DynamicModule {
    return {
      module: AppModule,
      imports: [
        SettingsModule.with(settings),
        CommonModule,
        DatabaseModule,
        AuthModule,
        // Before the vehicles: `vehicles/nearest` would be taken for `vehicles/:id`.
        TrackingModule,
        VehiclesModule,
        ImagesModule,
        ReleaseModule,
        GatewayModule,
        HealthModule,
      ],
      providers: [
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useClass: InputPipe },
      ],
    };
  }
}
