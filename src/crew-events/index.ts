export { CrewEventsModule } from './crew-events.module.js';
