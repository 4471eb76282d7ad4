export const ROLES = ['viewer', 'dispatcher', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface UserPrincipal {
  readonly kind: 'user';
  readonly userId: string;
  readonly email: string;
  /** As it is in storage now, whatever the token says. */
  readonly role: Role;
  readonly sessionId: string;
}

/** A user who came with an access token. */
export interface TokenUser extends UserPrincipal {
  /** When the token ends, epoch milliseconds. */
  readonly tokenEndsMs: number;
}

export interface DevicePrincipal {
  readonly kind: 'device';
  readonly vehicleId: string;
  readonly credentialId: string;
}

/** Who is calling. */
export type Principal = UserPrincipal | DevicePrincipal;

/** Who came with an ops token: a person at a console, or the tools that move the service. Nobody in particular. */
export interface OperatorPrincipal {
  readonly kind: 'operator';
}

/** `admin` may what `dispatcher` may, and that what `viewer` may. */
export function hasRole(principal: Principal, needed: Role): boolean {
  return principal.kind === 'user' && ROLES.indexOf(principal.role) >= ROLES.indexOf(needed);
}
