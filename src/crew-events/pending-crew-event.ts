import type { CrewEvent } from './crew-event-rules.js';

/** An event on its way into `crew_events`. */
export interface PendingCrewEvent extends CrewEvent {
  /** The vehicle's id as the other programs know it. */
  readonly ambulanceId: string;
}
