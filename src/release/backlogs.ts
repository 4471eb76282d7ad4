import { Injectable } from '@nestjs/common';

/** Work that is done behind everybody's back, and may fall behind. */
export interface Backlog {
  readonly name: string;
  /** How long its oldest piece has been waiting, milliseconds; 0 when none waits. From memory only. */
  readonly lagMs: number;
}

/** What is done in the background, whoever does it: rooms hang theirs in here, and the checks look. */
@Injectable()
export class Backlogs {
  private readonly all: Backlog[] = [];

  add(backlog: Backlog): void {
    this.all.push(backlog);
  }

  list(): readonly Backlog[] {
    return this.all;
  }
}
