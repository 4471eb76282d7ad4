export { GatewayModule } from './gateway.module.js';
export { SocketAdapter } from './socket-adapter.js';
export { SocketPort } from './socket-port.js';
