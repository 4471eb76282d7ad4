import { Injectable } from '@nestjs/common';

/** Work that is done behind everybody's back, and may fall behind. */
export interface LagSource {
  readonly name: string;
  /** How long its oldest piece has been waiting, milliseconds; 0 when none waits. From memory only. */
  readonly lagMs: number;
}

/** What is done in the background, whoever does it: rooms hang theirs in here, and the checks look. */
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
