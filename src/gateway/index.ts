export { CREW_EVENT_TYPES, type CrewEventType, type CrewEventView } from './crew-event.js';
export { CrewEventNotifier } from './subscriptions/crew-event-notifier.js';
export { GatewayModule } from './gateway.module.js';
export { SocketAdapter } from './transport/socket-adapter.js';
export { type PlainHttpHandler, SocketPort } from './transport/socket-port.js';
