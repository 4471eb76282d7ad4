import { Injectable } from '@nestjs/common';
import type { CrewEventView } from './crew-event.js';

/** What a watcher that comes back has missed; nothing where nobody notices anything. */
@Injectable()
export class MissedCrewEvents {
  since: (at: Date) => Promise<readonly CrewEventView[]> = () => Promise.resolve([]);
}
