import { Module } from '@nestjs/common';
import { AuthModule } from '../../auth/index.js';
import { LegacyMoveRepository } from './legacy-move.repository.js';
import { LegacyRoles } from './legacy-roles.js';
import { LegacyRolesController } from './legacy-roles.controller.js';
import { LegacyRolesStatus } from './legacy-roles-status.js';

/** The roles of two servers during a move. Independent of LEGACY_CLIENTS, because the shared collections are too. */
@Module({
  imports: [AuthModule],
  controllers: [LegacyRolesController],
  providers: [LegacyMoveRepository, LegacyRoles, LegacyRolesStatus],
  exports: [LegacyMoveRepository, LegacyRoles],
})
export class LegacyRolesModule {}
