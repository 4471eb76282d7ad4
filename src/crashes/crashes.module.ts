import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AuthModule } from '../auth/index.js';
import { CrashFeed } from './crash-feed.js';
import { CrashRecord, CrashSchema } from './crash.schema.js';
import { CrashesController } from './crashes.controller.js';
import { CrashesRepository } from './crashes.repository.js';
import { CrashesService } from './crashes.service.js';

@Module({
  imports: [AuthModule, MongooseModule.forFeature([{ name: CrashRecord.name, schema: CrashSchema }])],
  controllers: [CrashesController],
  providers: [CrashesRepository, CrashFeed, CrashesService],
  exports: [CrashesService, CrashFeed],
})
export class CrashesModule {}
