import type { Provider } from '@nestjs/common';
import { LagHealth } from './checks/lag.health.js';
import { CertificateHealth } from './checks/certificate.health.js';
import { DeploymentHealth } from './checks/deployment.health.js';
import { EventLoopHealth } from './checks/event-loop.health.js';
import { ImageVolumeHealth } from './checks/image-volume.health.js';
import { MemoryHealth } from './checks/memory.health.js';
import { MongoHealth } from './checks/mongo.health.js';
import { SchemaHealth } from './checks/schema.health.js';
import type { HealthCheck } from './health-check.js';

/** Every check there is, in the order of `/ready`. */
const CHECKS = [
  MongoHealth,
  SchemaHealth,
  DeploymentHealth,
  ImageVolumeHealth,
  EventLoopHealth,
  MemoryHealth,
  CertificateHealth,
  LagHealth,
] as const;

export const HEALTH_CHECKS = Symbol('HEALTH_CHECKS');

export const HEALTH_CHECK_PROVIDERS: Provider[] = [
  ...CHECKS,
  { provide: HEALTH_CHECKS, useFactory: (...checks: HealthCheck[]) => checks, inject: [...CHECKS] },
];
