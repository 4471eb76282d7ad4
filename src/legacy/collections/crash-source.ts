import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type Crash, CrashesService, CrashFeed } from '../../crashes/index.js';
import type { SharedCrash } from './crash-collection.repository.js';
import { CrashMirror } from './crash-mirror.js';

/** Gives the mirror every crash report: now, and from storage what no process has offered. */
@Injectable()
export class CrashSource implements OnModuleInit {
  constructor(
    private readonly crashes: CrashesService,
    private readonly feed: CrashFeed,
    private readonly mirror: CrashMirror,
  ) {}

  onModuleInit(): void {
    this.mirror.follow((fromMs) => this.since(fromMs));
    this.feed.subscribe((crash) => this.mirror.offer([toShared(crash)]));
  }

  private async *since(fromMs: number): AsyncGenerator<readonly SharedCrash[], void, undefined> {
    for await (const page of this.crashes.pagesSince(new Date(fromMs))) yield page.map(toShared);
  }
}

function toShared({ id, vehicleId, reportedAt, lat, lon, speedMps, headingDeg }: Crash): SharedCrash {
  return {
    id,
    vehicleId,
    receivedAtMs: reportedAt.getTime(),
    lat,
    lon,
    ...(speedMps !== null && { speedMps }),
    ...(headingDeg !== null && { headingDeg }),
  };
}
