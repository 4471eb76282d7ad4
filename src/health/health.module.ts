import { Module } from '@nestjs/common';
import { ReleaseModule } from '../release/index.js';
import { HealthController } from './health.controller.js';
import { RootController } from './root.controller.js';

@Module({ imports: [ReleaseModule], controllers: [HealthController, RootController] })
export class HealthModule {}
