import { Injectable } from '@nestjs/common';
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

/**
 * Tells whoever remembers a right, or holds an open connection by it, that it has ended. In this process only, and
 * after it was written: what other instances ended is found by asking storage again (`RevocationPoller`).
 */
@Injectable()
export class Revocations {
  private readonly listeners = new Set<(revocation: Revocation) => void>();

  subscribe(listener: (revocation: Revocation) => void): void {
    this.listeners.add(listener);
  }

  publish(revocation: Revocation): void {
    for (const listener of this.listeners) listener(revocation);
  }
}
