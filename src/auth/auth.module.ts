import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { MongooseModule } from '@nestjs/mongoose';
import { SETTINGS, type Settings } from '../config/index.js';
import { EventBus } from '../core/index.js';
import { CallerRanks } from './access/caller-ranks.js';
import { AccessGuard } from './access/access.guard.js';
import { RevocationPoller } from './access/revocation-poller.js';
import { AccessTokensService, jwtOptions } from './access/access-tokens.service.js';
import { AccountController } from './users/account.controller.js';
import { AdminGuardRepository } from './users/admin-guard.repository.js';
import { AdminGuard, AdminGuardSchema } from './users/admin-guard.schema.js';
import { AttemptLimiter } from './sessions/attempt-limiter.js';
import { AuditController } from './audit/audit.controller.js';
import { AuthController } from './sessions/auth.controller.js';
import { DeviceCredentialsModule } from './devices/device-credentials.module.js';
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
    DeviceCredentialsModule,
    JwtModule.registerAsync({
      inject: [SETTINGS],
      useFactory: ({ auth }: Settings) => jwtOptions(auth.jwtSecret),
    }),
    MongooseModule.forFeature([
      { name: User.name, schema: UserSchema },
      { name: Session.name, schema: SessionSchema },
      { name: AdminGuard.name, schema: AdminGuardSchema },
    ]),
  ],
  controllers: [AuthController, AccountController, UsersController, AuditController],
  providers: [
    UsersRepository,
    SessionsRepository,
    AdminGuardRepository,
    UsersService,
    LastAdminProtection,
    FirstAdminSeeder,
    SessionsService,
    SessionValidityCache,
    SessionSweep,
    AccessTokensService,
    TokenPairsService,
    OpsTokens,
    PasswordHasher,
    PasswordUpgrades,
    CallerRanks,
    AttemptLimiter,
    RevocationPoller,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [AccessTokensService, RevocationPoller, DeviceCredentialsModule, OpsTokens],
})
export class AuthModule {
  constructor(events: EventBus) {
    events.share('access.revoked');
    events.share('user.changed');
  }
}
