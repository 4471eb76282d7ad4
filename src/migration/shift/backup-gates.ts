import { ManifestFiles } from '../images/index.js';
import { checkCertificate } from '../preflight/index.js';
import { inspectBackup } from '../schema-contract.js';
import { ageGate, fails, type Gate, type GateInput, type GateResult, passed } from './gate.js';

/** The gates that look at files of this machine. */
export const backupGates: readonly Gate[] = [
  {
    name: 'image-backup',
    isForStart: true,
    check: async ({ settings: { imageBackup, maxBackupAgeH } }: GateInput): Promise<GateResult> => {
      if (imageBackup === null) return fails('no backup of the pictures is named: --image-backup DIR');
      const todo = 'run samserver images backup';
      const summary = await new ManifestFiles(imageBackup).summary().catch(() => null);
      if (summary === null) return fails(`${imageBackup} holds no finished backup: ${todo}`);
      return ageGate('pictures backed up', Date.parse(summary.madeAt), maxBackupAgeH, todo);
    },
  },
  {
    name: 'database-dump',
    isForStart: true,
    check: async ({ settings: { databaseDump, maxBackupAgeH } }: GateInput): Promise<GateResult> => {
      if (databaseDump === null) return fails('no dump of the database is named: --database-dump PATH');
      const backup = await inspectBackup(databaseDump);
      return backup.kind === 'found'
        ? ageGate('database dumped', backup.changedAtMs, maxBackupAgeH, 'run mongodump')
        : fails(`${databaseDump} is ${backup.kind}: run mongodump`);
    },
  },
  {
    name: 'certificate',
    isForStart: true,
    check: async ({ settings: { certificate, hostNames } }: GateInput): Promise<GateResult> => {
      const check = await checkCertificate(certificate ?? undefined, hostNames, Date.now());
      return check.status === 'ok' ? passed(check.seen) : fails(`${check.seen}: ${check.todo ?? ''}`);
    },
  },
];
