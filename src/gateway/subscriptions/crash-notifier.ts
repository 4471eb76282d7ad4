import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CrashFeed, toCrashView } from '../../crashes/index.js';
import { LiveStreams } from './live-streams.js';

/** Tells watchers of a crash, at once and not with the next frame. */
@Injectable()
export class CrashNotifier implements OnModuleInit, OnApplicationShutdown {
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly crashes: CrashFeed,
    private readonly streams: LiveStreams,
  ) {}

  onModuleInit(): void {
    this.stopListening = this.crashes.subscribe((crash) => {
      const cursor = this.streams.cursor();
      for (const stream of this.streams.all()) stream.sendCrash(toCrashView(crash), cursor);
    });
  }

  onApplicationShutdown(): void {
    this.stopListening();
  }
}
