import type { UserAccount } from '../users/user.js';

/** One log-in. */
export interface LoginSession {
  readonly id: string;
  readonly userId: string;
  readonly salt: string;
  readonly generation: number;
  /** The user's `sessionEpoch` at the log-in. */
  readonly epoch: number;
  readonly rotatedAtMs: number;
  readonly expiresAtMs: number;
  readonly isRevoked: boolean;
}

/** True when the session was revoked alone or with all sessions of its user. Does not check whether it has expired. */
export function isEnded(session: LoginSession, user: UserAccount): boolean {
  if (session.isRevoked || session.userId !== user.id) return true;
  return session.epoch !== user.sessionEpoch && session.id !== user.keptSessionId;
}
