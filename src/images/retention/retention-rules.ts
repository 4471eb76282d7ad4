import type { ImageSettings } from '../../config/index.js';
import type { Image } from '../image.js';
import type { Amount } from '../totals/image-totals.repository.js';
import { lowSpacePct } from '../volume/free-space.js';
import { UPLOADS_DIRECTORY } from '../volume/volume-layout.js';

const DAY_MS = 86_400_000;
/** No rule of size deletes a newer image: other data can fill the disk, and the pictures of now must stay. */
const YOUNGEST_MS = 3_600_000;
/** Share of its quota that a vehicle may use before its oldest images are deleted. The rest is room until the next sweep. */
const QUOTA_SHARE = 0.95;
/** Points above `lowSpacePct`, as room until the next sweep. */
const FREE_MARGIN_PCT = 2;

export const RETENTION_REASONS = ['age', 'vehicle-size', 'volume-size', 'free-space'] as const;
export type RetentionReason = (typeof RETENTION_REASONS)[number];

/** What one rule deletes: images of its scope, the oldest first, until `excessBytes` are deleted. */
export interface RetentionRule {
  readonly reason: RetentionReason;
  /** null: of all vehicles and of none. */
  readonly vehicleId: string | null;
  /** Only images from before this time; epoch milliseconds. */
  readonly beforeMs: number;
  /** Infinity: all of them. */
  readonly excessBytes: number;
}

export interface StoredAmounts {
  readonly byVehicle: ReadonlyMap<string, Amount>;
  readonly all: Amount;
  readonly freeBytes: number | null;
  readonly totalBytes: number | null;
}

type RetentionSettings = Pick<
  ImageSettings,
  'retentionDays' | 'retentionAdopted' | 'whenFull' | 'vehicleQuotaBytes' | 'volumeMaxBytes' | 'minFreePct'
>;

/** The rules that have something to delete now. */
export function rulesFor(settings: RetentionSettings, stored: StoredAmounts, nowMs: number): RetentionRule[] {
  const { retentionDays, retentionAdopted, whenFull, vehicleQuotaBytes, volumeMaxBytes, minFreePct } =
    settings;
  // Otherwise all other pictures would be deleted for those that stay.
  const countedBytes = ({ bytes, adoptedBytes }: Amount): number =>
    retentionAdopted === 'keep' ? bytes - adoptedBytes : bytes;
  const beforeMs = nowMs - YOUNGEST_MS;
  const rules: RetentionRule[] = [];
  if (retentionDays !== null)
    rules.push({
      reason: 'age',
      vehicleId: null,
      beforeMs: nowMs - retentionDays * DAY_MS,
      excessBytes: Infinity,
    });
  const bySize = (reason: RetentionReason, vehicleId: string | null, excessBytes: number): void => {
    if (excessBytes > 0) rules.push({ reason, vehicleId, beforeMs, excessBytes });
  };
  if (whenFull === 'replace')
    for (const [vehicleId, amount] of stored.byVehicle)
      bySize('vehicle-size', vehicleId, countedBytes(amount) - QUOTA_SHARE * vehicleQuotaBytes);
  if (volumeMaxBytes !== null) bySize('volume-size', null, countedBytes(stored.all) - volumeMaxBytes);
  const { freeBytes, totalBytes } = stored;
  if (whenFull === 'replace' && minFreePct > 0 && freeBytes !== null && totalBytes !== null) {
    const keptFreePct = lowSpacePct(minFreePct) + FREE_MARGIN_PCT;
    bySize('free-space', null, (keptFreePct / 100) * totalBytes - freeBytes);
  }
  return rules;
}

/**
 * The sizes apply to pictures of boxes only: uploads of crews are few, and wanted for long. Adopted pictures need
 * IMAGE_RETENTION_ADOPTED=delete.
 */
export function appliesTo(
  { reason }: Pick<RetentionRule, 'reason'>,
  { path, origin }: Pick<Image, 'path' | 'origin'>,
  { retentionAdopted }: Pick<RetentionSettings, 'retentionAdopted'>,
): boolean {
  if (origin === 'adopted' && retentionAdopted === 'keep') return false;
  return reason === 'age' || !path.startsWith(`${UPLOADS_DIRECTORY}/`);
}
