import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { type Release, SETTINGS, type Settings } from '../config/index.js';

/** This very process, as others know it. */
@Injectable()
export class InstanceIdentity {
  /** Of this process; another after every start. */
  readonly id = randomUUID();
  readonly release: Release;
  readonly startedAt = new Date(Date.now() - Math.round(process.uptime() * 1_000));

  constructor(@Inject(SETTINGS) settings: Settings) {
    this.release = settings.release;
  }
}
