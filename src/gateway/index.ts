export { GatewayModule } from './gateway.module.js';
export { SocketAdapter } from './socket-adapter.js';
export { type PlainHandler, SocketPort } from './socket-port.js';
