import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/index.js';
import { ReleaseModule } from '../release/index.js';
import { HealthController } from './health.controller.js';
import { LogLevelController } from './log-level.controller.js';
import { LogLevelService } from './log-level.service.js';
import { MetricsController } from './metrics.controller.js';
import { RootController } from './root.controller.js';

@Module({
  imports: [AuthModule, ReleaseModule],
  controllers: [HealthController, MetricsController, LogLevelController, RootController],
  providers: [LogLevelService],
})
export class HealthModule {}
