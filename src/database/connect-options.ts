import type { ConnectOptions } from 'mongoose';
import type { Settings } from '../config/index.js';

/** Durable: on the disk of most members. Set on the client and on each hot write, whatever the URL asks for. */
export const MAJORITY_JOURNALED = { w: 'majority', j: true } as const;

export function connectOptions(settings: Settings): ConnectOptions {
  const { timeoutMs } = settings.mongo;
  return {
    appName: 'samserver',
    writeConcern: MAJORITY_JOURNALED,
    serverSelectionTimeoutMS: timeoutMs,
    connectTimeoutMS: timeoutMs,
    socketTimeoutMS: timeoutMs,
    waitQueueTimeoutMS: timeoutMs,
    maxPoolSize: 20,
    // Collections and indexes are made by one start step, in one order.
    autoIndex: false,
    autoCreate: false,
  };
}
