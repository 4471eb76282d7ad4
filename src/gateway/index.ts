export { GatewayModule } from './gateway.module.js';
export { SocketAdapter } from './transport/socket-adapter.js';
export { type PlainHttpHandler, SocketPort } from './transport/socket-port.js';
