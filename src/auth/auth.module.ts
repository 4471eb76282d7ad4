import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { MongooseModule } from '@nestjs/mongoose';
import { SETTINGS, type Settings } from '../config/index.js';
import { AccessGuard } from './access.guard.js';
import { AccessReview } from './access-review.js';
import { AccessTokensService } from './access-tokens.service.js';
import { AccountController } from './account.controller.js';
import { AccountsService } from './accounts.service.js';
import { AdminGuardRepository } from './admin-guard.repository.js';
import { AdminGuard, AdminGuardSchema } from './admin-guard.schema.js';
import { AttemptLimits } from './attempt-limits.js';
import { AuditController } from './audit.controller.js';
import { AuditLog } from './audit-log.js';
import { AuditRepository } from './audit.repository.js';
import { AuditRecord, AuditSchema } from './audit.schema.js';
import { AuthController } from './auth.controller.js';
import { CallContext } from './call-context.js';
import { DeviceCredential, DeviceCredentialSchema } from './device-credential.schema.js';
import { DeviceCredentialsRepository } from './device-credentials.repository.js';
import { DeviceCredentialsService } from './device-credentials.service.js';
import { FirstAdmin } from './first-admin.js';
import { jwtOptions } from './jwt-options.js';
import { LastAdmin } from './last-admin.js';
import { LoginsService } from './logins.service.js';
import { OpsTokens } from './ops-tokens.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordUpgrades } from './password-upgrades.js';
import { RefreshesService } from './refreshes.service.js';
import { Revocations } from './revocations.js';
import { Session, SessionSchema } from './session.schema.js';
import { SessionChecks } from './session-checks.js';
import { SessionSweep } from './session-sweep.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';
import { TokenPairs } from './token-pairs.js';
import { User, UserSchema } from './user.schema.js';
import { UsersController } from './users.controller.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

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
    AccountsService,
    LastAdmin,
    FirstAdmin,
    LoginsService,
    RefreshesService,
    SessionsService,
    SessionChecks,
    SessionSweep,
    AccessTokensService,
    TokenPairs,
    DeviceCredentialsService,
    OpsTokens,
    PasswordHasher,
    PasswordUpgrades,
    AttemptLimits,
    Revocations,
    AccessReview,
    AuditLog,
    CallContext,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [AccessTokensService, AccessReview, AuditLog, DeviceCredentialsService, OpsTokens, Revocations],
})
export class AuthModule {}
