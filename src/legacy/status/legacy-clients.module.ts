import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { LegacyClientRecord, LegacyClientSchema } from './legacy-client.schema.js';
import { LegacyClientsRepository } from './legacy-clients.repository.js';

/** The record of legacy clients, without background work: the service and the commands use it. */
@Module({
  imports: [MongooseModule.forFeature([{ name: LegacyClientRecord.name, schema: LegacyClientSchema }])],
  providers: [LegacyClientsRepository],
  exports: [LegacyClientsRepository],
})
export class LegacyClientsModule {}
