import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { MongooseModule } from '@nestjs/mongoose';
import { SETTINGS, type Settings } from '../config/index.js';
import { AccessGuard } from './access/access.guard.js';
import { RevocationPoller } from './access/revocation-poller.js';
import { AccessTokensService, jwtOptions } from './access/access-tokens.service.js';
import { AccountController } from './users/account.controller.js';
import { AdminGuardRepository } from './users/admin-guard.repository.js';
import { AdminGuard, AdminGuardSchema } from './users/admin-guard.schema.js';
import { AttemptLimiter } from './sessions/attempt-limiter.js';
import { AuditController } from './audit/audit.controller.js';
import { AuditLog } from './audit/audit-log.js';
import { AuditRepository } from './audit/audit.repository.js';
import { AuditRecord, AuditSchema } from './audit/audit.schema.js';
import { AuthController } from './sessions/auth.controller.js';
import { CallContext } from './access/call-context.js';
import { DeviceCredential, DeviceCredentialSchema } from './devices/device-credential.schema.js';
import { DeviceCredentialsRepository } from './devices/device-credentials.repository.js';
import { DeviceCredentialsService } from './devices/device-credentials.service.js';
import { FirstAdminSeeder } from './users/first-admin-seeder.js';
import { LastAdminProtection } from './users/last-admin-protection.js';
import { OpsTokens } from './access/ops-tokens.js';
import { PasswordHasher } from './users/password-hasher.js';
import { PasswordUpgrades } from './users/password-upgrades.js';
import { Session, SessionSchema } from './sessions/session.schema.js';
import { SessionValidityCache } from './sessions/session-validity-cache.js';
import { SessionSweep } from './sessions/session-sweep.js';
import { SessionsRepository } from './sessions/sessions.repository.js';
import { SessionsService } from './sessions/sessions.service.js';
import { TokenPairsService } from './sessions/token-pairs.service.js';
import { User, UserSchema } from './users/user.schema.js';
import { UsersController } from './users/users.controller.js';
import { UsersRepository } from './users/users.repository.js';
import { UsersService } from './users/users.service.js';

@Module({
  imports: [
    JwtModule.registerAsync({
      inject: [SETTINGS],
      useFactory: ({ auth }: Settings) => jwtOptions(auth.jwtSecret),
    }),
    MongooseModule.forFeature([
      { name: User.name, schema: UserSchema },
      { name: Session.name, schema: SessionSchema },
      { name: DeviceCredential.name, schema: DeviceCredentialSchema },
      { name: AdminGuard.name, schema: AdminGuardSchema },
      { name: AuditRecord.name, schema: AuditSchema },
    ]),
  ],
  controllers: [AuthController, AccountController, UsersController, AuditController],
  providers: [
    UsersRepository,
    SessionsRepository,
    DeviceCredentialsRepository,
    AdminGuardRepository,
    AuditRepository,
    UsersService,
    LastAdminProtection,
    FirstAdminSeeder,
    SessionsService,
    SessionValidityCache,
    SessionSweep,
    AccessTokensService,
    TokenPairsService,
    DeviceCredentialsService,
    OpsTokens,
    PasswordHasher,
    PasswordUpgrades,
    AttemptLimiter,
    RevocationPoller,
    AuditLog,
    CallContext,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [AccessTokensService, RevocationPoller, AuditLog, DeviceCredentialsService, OpsTokens],
})
export class AuthModule {}
