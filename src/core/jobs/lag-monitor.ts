import { Injectable } from '@nestjs/common';

/** Asynchronous work that can fall behind. */
export interface LagSource {
  readonly name: string;
  /** Waiting time of the oldest open item, milliseconds; 0 when none waits. Read from memory only. */
  readonly lagMs: number;
  /** The lag never degrades the instance, because its cause is outside the service. Default false. */
  readonly isInformative?: boolean;
  /** For `/ready`; no secret. Read from memory only. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /** Further reasons for `degraded`. */
  readonly issues?: readonly string[];
}

/** All lag sources of the process: features register theirs, the health check reads them. */
@Injectable()
export class LagMonitor {
  private readonly all: LagSource[] = [];

  add(source: LagSource): void {
    this.all.push(source);
  }

  list(): readonly LagSource[] {
    return this.all;
  }
}
