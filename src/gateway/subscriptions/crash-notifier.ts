import { Injectable } from '@nestjs/common';
import { EventBus } from '../../core/index.js';
import { toCrashDto } from '../../crashes/index.js';
import { LiveStreams } from './live-streams.js';

/** Sends a crash to all subscribers at once, without waiting for the next frame. */
@Injectable()
export class CrashNotifier {
  constructor(events: EventBus, streams: LiveStreams) {
    events.subscribe('crash.recorded', ({ crash }) => {
      const cursor = streams.cursor();
      for (const stream of streams.all()) stream.sendCrash(toCrashDto(crash), cursor);
    });
  }
}
