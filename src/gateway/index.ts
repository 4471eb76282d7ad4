export { GatewayModule } from './gateway.module.js';
export { SocketAdapter } from './transport/socket-adapter.js';
export { SocketPort } from './transport/socket-port.js';
export { SocketRefusals } from './transport/socket-refusals.js';
