import { Injectable } from '@nestjs/common';
import type { CrewEventView } from '../crew-event.js';

/** What a subscriber that comes back has missed; nothing where nobody notices anything. */
@Injectable()
export class CrewEventReplaySource {
  since: (at: Date) => Promise<readonly CrewEventView[]> = () => Promise.resolve([]);
}
