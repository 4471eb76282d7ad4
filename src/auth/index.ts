export {
  Caller,
  ForDevice,
  ForOperators,
  ForRole,
  ForRoleOrDevice,
  ForRoleOrOperators,
  ForScrapers,
  Public,
} from './access/access.decorators.js';
export { RevocationPoller } from './access/revocation-poller.js';
export { AccessTokensService } from './access/access-tokens.service.js';
export type { NewAuditEntry } from './audit/audit-entry.js';
export { AuditLog } from './audit/audit-log.js';
export { tokenMissing } from './auth.errors.js';
export { AuthModule } from './auth.module.js';
export { DeviceCredentialsModule } from './devices/device-credentials.module.js';
export {
  type CredentialSummary,
  DeviceCredentialsService,
  type IssuedCredential,
} from './devices/device-credentials.service.js';
export { FirstAdminSeeder } from './users/first-admin-seeder.js';
export { bearerToken } from './access/access.guard.js';
export { OpsTokens } from './access/ops-tokens.js';
export { userAccess } from './access/user-access.js';
export type { DevicePrincipal, Principal, TokenUser, UserPrincipal } from './access/principal.js';
export { accountOf, isRevokedBy, type Revocation } from './access/principal.js';
