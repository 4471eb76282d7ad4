export { CREW_EVENT_TYPES, type CrewEventType, type CrewEventView } from './crew-event.js';
export { CrewNews } from './crew-news.js';
export { GatewayModule } from './gateway.module.js';
export { SocketAdapter } from './socket-adapter.js';
export { type PlainHandler, SocketPort } from './socket-port.js';
