import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AuthModule } from '../auth/index.js';
import { CrashRecord, CrashSchema } from './crash.schema.js';
import { CrashesController } from './crashes.controller.js';
import { CrashesRepository } from './crashes.repository.js';
import { CrashesService } from './crashes.service.js';

@Module({
  imports: [AuthModule, MongooseModule.forFeature([{ name: CrashRecord.name, schema: CrashSchema }])],
  controllers: [CrashesController],
  providers: [CrashesRepository, CrashesService],
  exports: [CrashesService],
})
export class CrashesModule {}
