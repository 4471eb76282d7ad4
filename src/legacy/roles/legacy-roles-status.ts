import { Injectable, type OnModuleInit } from '@nestjs/common';
import { LagMonitor, Metrics } from '../../core/index.js';
import { LegacyRoles } from './legacy-roles.js';

/** Shows the role in `/metrics` and in `/ready`. */
@Injectable()
export class LegacyRolesStatus implements OnModuleInit {
  constructor(
    private readonly roles: LegacyRoles,
    private readonly lagMonitor: LagMonitor,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    const { roles } = this;
    this.lagMonitor.add({
      name: 'legacy_roles',
      lagMs: 0,
      get detail() {
        return { role: roles.role, epoch: roles.epoch ?? null };
      },
    });
    this.metrics.gauge({
      name: 'samserver_legacy_writer',
      help: "1 while this service writes the old server's collections and notifies the panel; 0 while the old server does.",
      collect: (gauge) => gauge.set(roles.isWriter ? 1 : 0),
    });
    this.metrics.gauge({
      name: 'samserver_legacy_role_epoch',
      help: 'Number of changes of the role beside the old server; every instance must have the same.',
      collect: (gauge) => gauge.set(roles.epoch ?? 0),
    });
  }
}
