import type { ConnectOptions } from 'mongoose';
import type { Settings } from '../config/index.js';

/**
 * Write concern: a confirmed write is in the journal of most members. The client and each position write set it,
 * independent of the URL.
 */
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
    // The schema steps create collections and indexes.
    autoIndex: false,
    autoCreate: false,
  };
}
