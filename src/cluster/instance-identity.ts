import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { type Release, SETTINGS, type Settings } from '../config/index.js';

/** Identity of this process: its id, release and start time. */
@Injectable()
export class InstanceIdentity {
  /** A new UUID for each process. */
  readonly id = randomUUID();
  readonly release: Release;
  readonly startedAt = new Date(Date.now() - Math.round(process.uptime() * 1_000));

  constructor(@Inject(SETTINGS) settings: Settings) {
    this.release = settings.release;
  }
}

export const RELEASE_HEADER = 'X-Release';

/** Value of `X-Release`: semantic version with abbreviated revision, and the colour, as in `1.4.0+1b2c3d4; color=green`. */
export function releaseHeader({ version, revision, color }: Release): string {
  const build = revision === null ? '' : `+${revision.slice(0, 7)}`;
  return `${version}${build}${color === null ? '' : `; color=${color}`}`;
}
