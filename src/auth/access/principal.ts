export const ROLES = ['viewer', 'dispatcher', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface UserPrincipal {
  readonly kind: 'user';
  readonly userId: string;
  readonly email: string;
  /** The role in storage; the role in the token may be older. */
  readonly role: Role;
  readonly sessionId: string;
}

/** A user with an access token. */
export interface TokenUser extends UserPrincipal {
  /** The token expires then, epoch milliseconds. */
  readonly tokenEndsMs: number;
}

export interface DevicePrincipal {
  readonly kind: 'device';
  readonly vehicleId: string;
  readonly credentialId: string;
}

/** An authenticated caller. */
export type Principal = UserPrincipal | DevicePrincipal;

/** A caller with an ops token: an operator or a deployment tool. It identifies no person. */
export interface OperatorPrincipal {
  readonly kind: 'operator';
}

/** The account of a caller, as a key for limits: the user, or the vehicle of a device. */
export function accountOf(principal: Principal): string {
  return principal.kind === 'user' ? principal.userId : principal.vehicleId;
}

/** Roles include each other: `admin` ⊃ `dispatcher` ⊃ `viewer`. */
export function hasRole(principal: Principal, needed: Role): boolean {
  return principal.kind === 'user' && ROLES.indexOf(principal.role) >= ROLES.indexOf(needed);
}

/** Ends access from now on: of a device's credential, of one session, or of all sessions of a user but one. */
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
     * Access was revoked, and the revocation is durable. Published with `publishAndWait` before the answer, so that no
     * cache or open socket of this process grants access after it. Shared: with Redis, it reaches the other instances at once.
     * Otherwise they find it in storage (`RevocationPoller`).
     */
    'access.revoked': Revocation;
  }
}
