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
  /** Rotations within the grace time before `rotatedAtMs`, that one included; in the order of the generations. */
  readonly recentRotations: readonly Rotation[];
  readonly expiresAtMs: number;
  readonly isRevoked: boolean;
}

/** The refresh token of this generation was replaced at this time. */
export interface Rotation {
  readonly generation: number;
  readonly atMs: number;
}

/** Contract: a replaced refresh token gets the current successor for 30 s. */
const GRACE_MS = 30_000;

/** The rotations whose tokens still get the current successor. */
export function rotationsInGrace(session: LoginSession, nowMs: number): readonly Rotation[] {
  const { generation, rotatedAtMs } = session;
  // An instance of an earlier release writes `rotatedAt` only.
  const last = { generation: generation - 1, atMs: rotatedAtMs };
  const earlier = session.recentRotations.filter((rotation) => rotation.generation < last.generation);
  return [...earlier, last].filter(({ atMs }) => nowMs - atMs <= GRACE_MS);
}

/** True when the session was revoked alone or with all sessions of its user. Does not check whether it has expired. */
export function isEnded(session: LoginSession, user: UserAccount): boolean {
  if (session.isRevoked || session.userId !== user.id) return true;
  return session.epoch !== user.sessionEpoch && session.id !== user.keptSessionId;
}
