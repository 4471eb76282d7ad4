import { Injectable } from '@nestjs/common';
import { EventBus } from '../../core/index.js';
import { LiveStreams } from './live-streams.js';

/** Sends changes of vehicles to the subscribers that watch them. */
@Injectable()
export class LiveNotifier {
  constructor(events: EventBus, streams: LiveStreams) {
    events.subscribe('vehicle.changed', (change) => {
      const cursor = streams.cursor();
      for (const stream of streams.all()) stream.sendVehicleChange(change, cursor);
    });
  }
}
