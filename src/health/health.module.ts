import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { AuthModule } from '../auth/index.js';
import { ImagesModule } from '../images/index.js';
import { DeploymentModule } from '../deployment/index.js';
import { CheckRunner } from './check-runner.js';
import { HEALTH_CHECK_PROVIDERS } from './health-checks.js';
import { HealthController } from './health.controller.js';
import { PrivilegedAccess } from './privileged-access.js';
import { MetricsController } from './metrics.controller.js';
import { ReadinessMetrics } from './readiness-metrics.js';
import { ReadinessReport } from './readiness-report.js';
import { RootController } from './root.controller.js';

@Module({
  // Only its indicators: its own check answers 503 to liveness while draining, and 500 when an indicator throws.
  imports: [TerminusModule.forRoot({ logger: false }), AuthModule, ImagesModule, DeploymentModule],
  controllers: [HealthController, MetricsController, RootController],
  providers: [...HEALTH_CHECK_PROVIDERS, CheckRunner, ReadinessReport, ReadinessMetrics, PrivilegedAccess],
})
export class HealthModule {}
