import type { DefaultEventsMap, Namespace, Socket } from 'socket.io';
import type { DevicePrincipal, TokenUser } from '../auth/index.js';
import type {
  DeviceToServerEvents,
  ServerToDeviceEvents,
  ServerToSubscriberEvents,
  SubscriberToServerEvents,
} from './socket-events.js';

/** Set on the socket when it is authenticated. */
interface SocketData<P> {
  principal: P;
}

export type DeviceNamespace = Namespace<
  DeviceToServerEvents,
  ServerToDeviceEvents,
  DefaultEventsMap,
  SocketData<DevicePrincipal>
>;
export type DeviceSocket = Socket<
  DeviceToServerEvents,
  ServerToDeviceEvents,
  DefaultEventsMap,
  SocketData<DevicePrincipal>
>;
export type SubscriberNamespace = Namespace<
  SubscriberToServerEvents,
  ServerToSubscriberEvents,
  DefaultEventsMap,
  SocketData<TokenUser>
>;
export type SubscriberSocket = Socket<
  SubscriberToServerEvents,
  ServerToSubscriberEvents,
  DefaultEventsMap,
  SocketData<TokenUser>
>;
