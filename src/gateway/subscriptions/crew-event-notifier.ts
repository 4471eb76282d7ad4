import { Injectable } from '@nestjs/common';
import type { CrewEventView } from '../crew-event.js';
import { LiveStreams } from './live-streams.js';
import { CrewEventReplaySource } from './crew-event-replay-source.js';

/** The way in for who notices things for crews: rooms that know this one, and are not known here. */
@Injectable()
export class CrewEventNotifier {
  constructor(
    private readonly streams: LiveStreams,
    private readonly replaySource: CrewEventReplaySource,
  ) {}

  /** Tells watchers, at once and not with the next frame. */
  publish(event: CrewEventView): void {
    const cursor = this.streams.cursor();
    for (const stream of this.streams.all()) stream.sendCrewEvent(event, cursor);
  }

  /** @param source what was recorded from a moment on, by any instance; for a subscriber that comes back */
  setReplaySource(source: (at: Date) => Promise<readonly CrewEventView[]>): void {
    this.replaySource.since = source;
  }
}
