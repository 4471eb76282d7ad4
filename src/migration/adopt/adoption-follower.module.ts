import { Module } from '@nestjs/common';
import { LegacyRolesModule } from '../../legacy/index.js';
import { AdoptionFollower } from './adoption-follower.js';
import { AdoptionModule } from './adoption.module.js';

/** `adopt --follow` as a job of the service. */
@Module({ imports: [AdoptionModule, LegacyRolesModule], providers: [AdoptionFollower] })
export class AdoptionFollowerModule {}
