import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { CallContext } from '../access/call-context.js';
import { AuditLog } from '../audit/audit-log.js';
import { AuditRepository } from '../audit/audit.repository.js';
import { AuditRecord, AuditSchema } from '../audit/audit.schema.js';
import { DeviceCredential, DeviceCredentialSchema } from './device-credential.schema.js';
import { DeviceCredentialsRepository } from './device-credentials.repository.js';
import { DeviceCredentialsService } from './device-credentials.service.js';

/** Device credentials and the audit log, without background work: the service and the commands use it. */
@Module({
  imports: [
    MongooseModule.forFeature([
      { name: DeviceCredential.name, schema: DeviceCredentialSchema },
      { name: AuditRecord.name, schema: AuditSchema },
    ]),
  ],
  providers: [DeviceCredentialsRepository, DeviceCredentialsService, AuditRepository, AuditLog, CallContext],
  exports: [DeviceCredentialsRepository, DeviceCredentialsService, AuditRepository, AuditLog, CallContext],
})
export class DeviceCredentialsModule {}
