import type { UserAccount } from '../users/user.js';

/** One log-in. */
export interface LoginSession {
  readonly id: string;
  readonly userId: string;
  readonly salt: string;
  readonly generation: number;
  /** The user's `sessionEpoch` when it began. */
  readonly epoch: number;
  readonly rotatedAtMs: number;
  readonly expiresAtMs: number;
  readonly isRevoked: boolean;
}

/** Whether a session was ended: by itself, or with all others of its user. Its age is another question. */
export function isEnded(session: LoginSession, user: UserAccount): boolean {
  if (session.isRevoked || session.userId !== user.id) return true;
  return session.epoch !== user.sessionEpoch && session.id !== user.keptSessionId;
}
