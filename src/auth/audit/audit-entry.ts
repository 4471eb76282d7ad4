import { randomBytes } from 'node:crypto';

export const AUDIT_ACTIONS = [
  'auth.logged-in',
  'auth.login-failed',
  'auth.logged-out',
  'auth.session-reused',
  'auth.password-check-failed',
  'user.created',
  'user.changed',
  'user.role-changed',
  'user.password-changed',
  'user.deleted',
  'credential.issued',
  'credential.revoked',
  'image.deleted',
  'images.retention',
  'ops.drained',
  'ops.handover-begun',
  'ops.handover-undone',
  'ops.log-level-changed',
  'ops.legacy-roles-changed',
  'ops.legacy-mirror-changed',
  'ops.legacy-tee-paused',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export interface AuditActor {
  readonly kind: 'user' | 'device' | 'operator' | 'anonymous' | 'service';
  /** User id, or id of the device's credential. */
  readonly id: string | null;
  /** E-mail address of a user at that time. */
  readonly email: string | null;
}

export interface AuditTarget {
  readonly kind: 'user' | 'session' | 'credential' | 'image' | 'instance';
  /** null when the target does not exist, such as an unknown address at a log-in. */
  readonly id: string | null;
  /** E-mail address of the user, or of the owner. */
  readonly email: string | null;
}

/** An action that is about to be done. */
export interface NewAuditEntry {
  readonly action: AuditAction;
  readonly target: AuditTarget;
  /** Given when it is not the caller: at a log-in the caller is still anonymous. */
  readonly actor?: AuditActor;
  /** What changed, as short texts; never a secret. */
  readonly details?: Readonly<Record<string, string>>;
}

/** One entry of the log. Entries are added and never changed. */
export interface AuditEntry {
  /** Sorts by time; see `nextAuditId`. */
  readonly id: string;
  readonly at: Date;
  readonly action: AuditAction;
  readonly actor: AuditActor;
  readonly target: AuditTarget;
  readonly details: Readonly<Record<string, string>>;
  readonly requestId: string | null;
  readonly ip: string | null;
  /** Error code, on an entry that cancels another one: the action was not done. */
  readonly failure: string | null;
  /** Id of the entry that this one cancels. */
  readonly failedId: string | null;
}

/** Different in each process, so that two processes never make the same id. */
const processPart = randomBytes(4).toString('hex');
let lastMs = 0;
let count = 0;

/** 24 hexadecimal digits: milliseconds (12), a count (4), this process (8). Orders by time, newest last. */
export function nextAuditId(nowMs: number): string {
  // Never smaller than the last one, also when the clock is set back: newer entries must sort last.
  if (nowMs > lastMs) {
    lastMs = nowMs;
    count = 0;
  } else if (count < 0xffff) {
    count += 1;
  } else {
    lastMs += 1;
    count = 0;
  }
  return `${hex(lastMs, 12)}${hex(count, 4)}${processPart}`;
}

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, '0');
}
