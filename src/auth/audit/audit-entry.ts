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
  'ops.drained',
  'ops.handover-begun',
  'ops.handover-undone',
  'ops.log-level-changed',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export interface AuditActor {
  readonly kind: 'user' | 'device' | 'operator' | 'anonymous' | 'service';
  /** Of the user, or of the device's credential. */
  readonly id: string | null;
  /** Of a user, as it was then. */
  readonly email: string | null;
}

export interface AuditTarget {
  readonly kind: 'user' | 'session' | 'credential' | 'image' | 'instance';
  /** null for what does not exist: an unknown address that somebody tried. */
  readonly id: string | null;
  /** Of the user it is, or whose it is. */
  readonly email: string | null;
}

/** What is about to be done, on whom. */
export interface NewAuditEntry {
  readonly action: AuditAction;
  readonly target: AuditTarget;
  /** When it is not who is calling: logging in says it only now. */
  readonly actor?: AuditActor;
  /** What changed, in short texts; never a secret. */
  readonly details?: Readonly<Record<string, string>>;
}

/** One line of the log; lines are added and never changed. */
export interface AuditEntry {
  /** Orders by time: 12 hexadecimal digits of milliseconds, then what keeps lines of one millisecond apart. */
  readonly id: string;
  readonly at: Date;
  readonly action: AuditAction;
  readonly actor: AuditActor;
  readonly target: AuditTarget;
  readonly details: Readonly<Record<string, string>>;
  readonly requestId: string | null;
  readonly ip: string | null;
  /** Error code, on the line that takes back another: what was to be done was not. */
  readonly failure: string | null;
  /** The line that this one takes back. */
  readonly failedId: string | null;
}
