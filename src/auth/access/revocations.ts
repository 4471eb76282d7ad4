import type { Principal } from './principal.js';

/** What is good no longer, from now on: a device's credential, one session, or all of a user's sessions but one. */
export type Revocation =
  | { readonly credentialId: string }
  | { readonly sessionId: string }
  | { readonly userId: string; readonly keptSessionId?: string };

export function isRevokedBy(principal: Principal, revocation: Revocation): boolean {
  if ('credentialId' in revocation) {
    return principal.kind === 'device' && principal.credentialId === revocation.credentialId;
  }
  if (principal.kind !== 'user') return false;
  if ('sessionId' in revocation) return principal.sessionId === revocation.sessionId;
  return principal.userId === revocation.userId && principal.sessionId !== revocation.keptSessionId;
}

declare module '../../core/events/event-bus.js' {
  interface EventMap {
    /**
     * A right ended; it is durable. Published with `publishAndWait` before the answer, so that caches and open sockets
     * of this process never outlive it. Revocations by other instances are found in storage (`RevocationPoller`).
     */
    'access.revoked': Revocation;
  }
}
