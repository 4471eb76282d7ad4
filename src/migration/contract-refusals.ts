import { type SchemaStep, stepTitle } from '../database/index.js';
import type { LiveInstance, Rollout } from '../deployment/index.js';

const MAX_BACKUP_AGE_MS = 24 * 3_600_000;
/** Allowed difference between the clock of the backup's file system and the clock of this machine. */
const MAX_CLOCK_SKEW_MS = 300_000;

export type Backup =
  | { readonly kind: 'none' | 'missing' | 'empty' }
  /** Epoch milliseconds of the newest file that is not empty. */
  | { readonly kind: 'found'; readonly changedAtMs: number };

export interface ContractFacts {
  readonly step: SchemaStep;
  /** Pending expand steps with a lower version. */
  readonly first: readonly SchemaStep[];
  readonly alive: readonly Pick<LiveInstance, 'id' | 'version' | 'color' | 'schemaMin' | 'schemaMax'>[];
  /** Null: no rollout was ever started. */
  readonly rollout: Pick<Rollout, 'phase' | 'weightPct'> | null;
  readonly backup: Backup;
  readonly isConfirmed: boolean;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** Phases in which the rollout can still go back to the old release. */
const ACTIVE_PHASES: ReadonlySet<Rollout['phase']> = new Set(['parallel', 'shifting', 'soaking'] as const);

/** Every reason against running the contract step. An empty list means that it may run. */
export function contractRefusals(facts: ContractFacts): string[] {
  const { step, first, alive, rollout, backup, isConfirmed, nowMs } = facts;
  const refusals: string[] = [];
  if (first.length > 0) {
    refusals.push(`${first.map(stepTitle).join(', ')} comes first: samserver schema up`);
  }
  for (const { id, version, color, schemaMin, schemaMax } of alive) {
    if (step.version >= schemaMin && step.version <= schemaMax) continue;
    const release = [version, color].filter((part) => part !== null).join(' ');
    refusals.push(
      `instance ${id} (${release}) is alive and works with schema ${schemaMin} to ${schemaMax} only`,
    );
  }
  if (rollout && ACTIVE_PHASES.has(rollout.phase)) {
    refusals.push(`a rollout is under way: ${rollout.phase}, ${rollout.weightPct} %`);
  }
  const fault = backupFault(backup, nowMs);
  if (fault !== null) refusals.push(fault);
  if (!isConfirmed) refusals.push(`--yes is missing: ${irreversibleStepWarning(step)}`);
  return refusals;
}

export function irreversibleStepWarning({ version }: SchemaStep): string {
  return `with schema ${version} the way back ends: a release that works only with ${version - 1} or less can never again run on this database`;
}

function backupFault(backup: Backup, nowMs: number): string | null {
  switch (backup.kind) {
    case 'none':
      return '--backup <path> is missing: a file or directory with a backup of the last 24 hours';
    case 'missing':
      return '--backup: nothing is there: the path does not exist';
    case 'empty':
      return '--backup: there is nothing in it: every file is empty';
    case 'found': {
      const ageMs = nowMs - backup.changedAtMs;
      const changed = new Date(backup.changedAtMs).toISOString();
      if (ageMs > MAX_BACKUP_AGE_MS) return `--backup: last changed at ${changed}, more than 24 hours ago`;
      return ageMs < -MAX_CLOCK_SKEW_MS
        ? `--backup: last changed at ${changed}, which is still to come`
        : null;
    }
  }
}
