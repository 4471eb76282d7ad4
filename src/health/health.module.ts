import { Module, type Provider } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { AuthModule } from '../auth/index.js';
import { DeploymentModule } from '../deployment/index.js';
import { ImagesModule } from '../images/index.js';
import { CheckRunner, HEALTH_CHECKS, type HealthCheck } from './check-runner.js';
import { CertificateHealth } from './checks/certificate.health.js';
import { DeploymentHealth } from './checks/deployment.health.js';
import { EventLoopHealth } from './checks/event-loop.health.js';
import { ImageVolumeHealth } from './checks/image-volume.health.js';
import { LagHealth } from './checks/lag.health.js';
import { LiveHealth } from './checks/live.health.js';
import { MemoryHealth } from './checks/memory.health.js';
import { MongoHealth } from './checks/mongo.health.js';
import { RedisHealth } from './checks/redis.health.js';
import { SchemaHealth } from './checks/schema.health.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { ReadinessMetrics } from './readiness-metrics.js';
import { ReadinessReport } from './readiness-report.js';
import { RootController } from './root.controller.js';

/** Every check, in the order of `/ready`. */
const CHECKS = [
  MongoHealth,
  SchemaHealth,
  DeploymentHealth,
  RedisHealth,
  LiveHealth,
  ImageVolumeHealth,
  EventLoopHealth,
  MemoryHealth,
  CertificateHealth,
  LagHealth,
] as const;

const CHECK_PROVIDERS: Provider[] = [
  ...CHECKS,
  { provide: HEALTH_CHECKS, useFactory: (...checks: HealthCheck[]) => checks, inject: [...CHECKS] },
];

@Module({
  // Only the indicators of Terminus are used. HealthCheckService.check() would answer 503 to liveness during a drain,
  // and 500 when an indicator throws: docs/adr/0008-instance-lifecycle.md.
  imports: [TerminusModule.forRoot({ logger: false }), AuthModule, ImagesModule, DeploymentModule],
  controllers: [HealthController, MetricsController, RootController],
  providers: [...CHECK_PROVIDERS, CheckRunner, ReadinessReport, ReadinessMetrics],
})
export class HealthModule {}
