export { CREW_EVENT_FIELDS, CREW_EVENT_TYPES, type CrewEventView } from './crew-event.js';
export { type AssignedRequest, nextAverageKmh, roundedUpKmh } from './crew-event-rules.js';
export { CrewEventsModule } from './crew-events.module.js';
export { CrewEventsService } from './crew-events.service.js';
export { DispatchSystem, type VehiclePosition } from './dispatch-system.js';
export type { StoredTracking } from './panel-notification-rules.js';
