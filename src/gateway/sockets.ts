import type { DefaultEventsMap, Namespace, Socket } from 'socket.io';
import type { DevicePrincipal, TokenUser } from '../auth/index.js';
import type {
  DeviceToServerEvents,
  ServerToDeviceEvents,
  ServerToWatcherEvents,
  WatcherToServerEvents,
} from './socket-events.js';

/** Put on the socket when it proved who it is. */
interface Of<P> {
  principal: P;
}

export type DeviceNamespace = Namespace<
  DeviceToServerEvents,
  ServerToDeviceEvents,
  DefaultEventsMap,
  Of<DevicePrincipal>
>;
export type DeviceSocket = Socket<
  DeviceToServerEvents,
  ServerToDeviceEvents,
  DefaultEventsMap,
  Of<DevicePrincipal>
>;
export type WatcherNamespace = Namespace<
  WatcherToServerEvents,
  ServerToWatcherEvents,
  DefaultEventsMap,
  Of<TokenUser>
>;
export type WatcherSocket = Socket<
  WatcherToServerEvents,
  ServerToWatcherEvents,
  DefaultEventsMap,
  Of<TokenUser>
>;
