import { Injectable } from '@nestjs/common';
import { EventBus } from '../../core/index.js';
import { LiveStreams } from './live-streams.js';

/** Sends a crew event to all subscribers at once, without waiting for the next frame. */
@Injectable()
export class CrewEventNotifier {
  constructor(bus: EventBus, streams: LiveStreams) {
    bus.subscribe('crew-event.recorded', (event) => {
      const cursor = streams.cursor();
      for (const stream of streams.all()) stream.sendCrewEvent(event, cursor);
    });
  }
}
