import type { LegacyRole } from '../../config/index.js';

/** One change of the role, or the first role in storage. */
export interface RoleChange {
  /** Increases by one with every change, from 1. */
  readonly epoch: number;
  readonly role: LegacyRole;
  readonly at: Date;
  /** The operator token, or the e-mail address of a user. */
  readonly by: string;
  readonly why: string;
}

/** The role in storage. */
export interface RoleRecord {
  readonly epoch: number;
  readonly role: LegacyRole;
  /** Oldest first, the last `MAX_HISTORY` of them; never empty. */
  readonly history: readonly RoleChange[];
}

/** Of records that arrived with the setting `old`, before the first record in storage. */
export const SETTING_EPOCH = 0;
/** A move changes the role a few times. */
const MAX_HISTORY = 500;

/** @param before null: the role was never changed */
export function changedRole(
  before: RoleRecord | null,
  { role, by, why }: Pick<RoleChange, 'role' | 'by' | 'why'>,
  at: Date,
): RoleRecord {
  const epoch = (before?.epoch ?? SETTING_EPOCH) + 1;
  const history = [...(before?.history ?? []), { epoch, role, at, by, why }].slice(-MAX_HISTORY);
  return { epoch, role, history };
}

/**
 * The role under which a record arrived. An epoch that is not in the history counts as `old`: what the old server may have
 * written is not written a second time.
 * @param epoch undefined: the record arrived without a move
 */
export function roleUnder(record: RoleRecord | null, epoch: number | undefined): LegacyRole {
  if (epoch === undefined) return 'samserver';
  return record?.history.find((change) => change.epoch === epoch)?.role ?? 'old';
}
