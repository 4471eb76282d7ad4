import { Injectable } from '@nestjs/common';
import type { CrewEventView } from './crew-event.js';
import { LiveStreams } from './live-streams.js';
import { MissedCrewEvents } from './missed-crew-events.js';

/** The way in for who notices things for crews: rooms that know this one, and are not known here. */
@Injectable()
export class CrewNews {
  constructor(
    private readonly streams: LiveStreams,
    private readonly missed: MissedCrewEvents,
  ) {}

  /** Tells watchers, at once and not with the next frame. */
  tell(event: CrewEventView): void {
    const cursor = this.streams.cursor();
    for (const stream of this.streams.all()) stream.tellCrew(event, cursor);
  }

  /** @param source what was recorded from a moment on, by any instance; for a watcher that comes back */
  replayFrom(source: (at: Date) => Promise<readonly CrewEventView[]>): void {
    this.missed.since = source;
  }
}
