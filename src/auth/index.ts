export {
  Caller,
  ForDevice,
  ForOperators,
  ForRole,
  ForRoleOrDevice,
  ForScrapers,
  Public,
  WHO,
} from './access.decorators.js';
export { AccessReview } from './access-review.js';
export { AccessTokensService } from './access-tokens.service.js';
export type { Act, AuditAction, AuditActor, AuditTarget } from './audit-entry.js';
export { AuditLog } from './audit-log.js';
export { tokenMissing } from './auth.errors.js';
export { AuthModule } from './auth.module.js';
export { deviceCredentials } from './credentials-for-commands.repository.js';
export {
  type CredentialSummary,
  DeviceCredentialsService,
  type IssuedCredential,
} from './device-credentials.service.js';
export { FirstAdmin } from './first-admin.js';
export { bearerToken } from './bearer-token.js';
export { OpsTokens } from './ops-tokens.js';
export type { DevicePrincipal, Principal, TokenUser, UserPrincipal } from './principal.js';
export { isHitBy, type Revocation, Revocations } from './revocations.js';
