/** The client SDK: the HTTP API, the device socket and the live socket. */
export { ApiClient } from './api-client.js';
export type {
  AccountAnswer,
  ApiClientOptions,
  CrashAnswer,
  CredentialAnswer,
  ImageAnswer,
  NewVehicle,
  NotificationAnswer,
  QuarantineAnswer,
  Tokens,
  VehicleAnswer,
} from './api-client.js';
export { ApiSession } from './api-session.js';
export { ApiError, SocketClientError, UnreachableError } from './client.errors.js';
export type { FieldError, Problem } from './client.errors.js';
export { DeviceClient } from './device-client.js';
export type { Delivery, DeviceClientOptions, RequestReport } from './device-client.js';
export { OldPanelClient, type PanelFrame } from './old-panel-client.js';
export type { ReconnectDelay } from './socket-connection.js';
export { SubscriberClient } from './subscriber-client.js';
export type {
  ConnectionState,
  StreamedItem,
  StreamedVehicle,
  SubscriberClientOptions,
} from './subscriber-client.js';
