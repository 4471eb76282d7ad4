import { Injectable } from '@nestjs/common';

/** Asynchronous work that can fall behind. */
interface LagSource {
  readonly name: string;
  /** Waiting time of the oldest open item, milliseconds; 0 when none waits. Read from memory only. */
  readonly lagMs: number;
  /** The lag is shown and never degrades the instance: its cause is outside the service. */
  readonly isInformative?: boolean;
  /** Further fields for operators. Read from memory only. */
  readonly detail?: Readonly<Record<string, unknown>>;
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
