import type { Connection, Model } from 'mongoose';
import { Clock, EventBus } from '../../core/index.js';
import { AuditLog } from '../audit/audit-log.js';
import { AuditRepository } from '../audit/audit.repository.js';
import { AuditRecord, AuditSchema } from '../audit/audit.schema.js';
import { CallContext } from '../access/call-context.js';
import { DeviceCredential, DeviceCredentialSchema } from './device-credential.schema.js';
import { DeviceCredentialsRepository } from './device-credentials.repository.js';
import { DeviceCredentialsService } from './device-credentials.service.js';

/**
 * For commands, which have a connection and no application. What they revoke stands in the audit log as the service's own
 * act; running instances see it in storage (`RevocationPoller`).
 */
export function deviceCredentials(connection: Connection): DeviceCredentialsService {
  const clock = new Clock();
  const audits = connection.model(AuditRecord.name, AuditSchema) as unknown as Model<AuditRecord>;
  const audit = new AuditLog(new AuditRepository(audits), new CallContext(), clock);
  const credentials: unknown = connection.model(DeviceCredential.name, DeviceCredentialSchema);
  const repository = new DeviceCredentialsRepository(credentials as Model<DeviceCredential>);
  return new DeviceCredentialsService(repository, new EventBus(), audit, clock);
}
