import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** Unique among all processes that ever ask for the lock, and tells a person where to look: `host:pid:random`. */
export function createLockOwner(): string {
  return `${hostname()}:${process.pid}:${randomBytes(6).toString('hex')}`;
}
