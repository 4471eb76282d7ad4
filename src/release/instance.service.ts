import { Injectable, Logger } from '@nestjs/common';
import { DatabaseHealth, DatabaseLink } from '../database/index.js';

export type InstanceState = 'starting' | 'ready' | 'not_ready' | 'draining';

/** What this instance can do just now, for probes and for the doors that new sockets come through. */
@Injectable()
export class InstanceService {
  private readonly logger = new Logger(InstanceService.name);
  private isDraining = false;

  constructor(
    private readonly link: DatabaseLink,
    private readonly database: DatabaseHealth,
  ) {}

  get state(): InstanceState {
    if (this.isDraining) return 'draining';
    if (!this.link.hasStarted) return 'starting';
    return this.database.isUp ? 'ready' : 'not_ready';
  }

  /** Why the state is not `ready`; codes, no details. */
  get reasons(): readonly string[] {
    switch (this.state) {
      case 'ready':
        return [];
      case 'starting':
        return ['starting'];
      case 'not_ready':
        return ['mongo.down'];
      case 'draining':
        return ['draining'];
    }
  }

  /** No way back: this instance lets go of its clients and ends. */
  beginDrain(): void {
    if (!this.isDraining) this.logger.log('draining');
    this.isDraining = true;
  }
}
