import { Module } from '@nestjs/common';
import { RetentionPlannerModule } from '../../images/index.js';
import { PictureReferencesRepository } from './picture-references.repository.js';

/** Protects the pictures that documents of the old server show from retention. */
@Module({ imports: [RetentionPlannerModule], providers: [PictureReferencesRepository] })
export class PictureReferencesModule {}
