/** The service as its own clients see it: for the replay, the tests and command-line watchers. */
export { ApiClient } from './api-client.js';
export type { ApiClientOptions, CredentialAnswer, NewVehicle, Tokens, VehicleAnswer } from './api-client.js';
export { findAdminLogin } from './admin-login.js';
export type { AdminLogin } from './admin-login.js';
export { ApiSession } from './api-session.js';
export { ApiError, SocketClientError, UnreachableError } from './client.errors.js';
export type { FieldError, Problem } from './client.errors.js';
export type { CommandIo, Output } from './command-io.js';
export {
  DEFAULT_SOCKET_URL,
  DEFAULT_URL,
  EXIT,
  numberOption,
  originOption,
  UsageError,
} from './command-options.js';
export { DeviceClient } from './device-client.js';
export type { Delivery, DeviceClientOptions, RequestReport } from './device-client.js';
export { printable } from './printable.js';
export type { ReconnectDelay } from './socket-connection.js';
export { SubscriberClient } from './subscriber-client.js';
export type {
  ConnectionState,
  StreamedItem,
  StreamedVehicle,
  SubscriberClientOptions,
} from './subscriber-client.js';
