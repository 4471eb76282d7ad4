import type { ImageSettings } from '../../config/index.js';
import type { Image } from '../image.js';
import { UPLOADS_DIRECTORY } from '../volume/volume-layout.js';

const DAY_MS = 86_400_000;
/** No rule of size deletes a newer image: other data can fill the disk, and the pictures of now must stay. */
const YOUNGEST_MS = 3_600_000;
/** Share of its quota that a vehicle may use before its oldest images are deleted. The rest is room until the next sweep. */
const QUOTA_SHARE = 0.95;
/** Below 10 % free the volume is reported as degraded. */
const MIN_FREE_PCT = 12;
/** Free space above IMAGE_MIN_FREE_PCT, as room until the next sweep. */
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
  readonly bytesByVehicle: ReadonlyMap<string, number>;
  readonly bytes: number;
  readonly freeBytes: number | null;
  readonly totalBytes: number | null;
}

type RetentionSettings = Pick<
  ImageSettings,
  'retentionDays' | 'whenFull' | 'vehicleQuotaBytes' | 'volumeMaxBytes' | 'minFreePct'
>;

/** The rules that have something to delete now. */
export function rulesFor(settings: RetentionSettings, stored: StoredAmounts, nowMs: number): RetentionRule[] {
  const { retentionDays, whenFull, vehicleQuotaBytes, volumeMaxBytes, minFreePct } = settings;
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
    for (const [vehicleId, bytes] of stored.bytesByVehicle)
      bySize('vehicle-size', vehicleId, bytes - QUOTA_SHARE * vehicleQuotaBytes);
  if (volumeMaxBytes !== null) bySize('volume-size', null, stored.bytes - volumeMaxBytes);
  const { freeBytes, totalBytes } = stored;
  if (whenFull === 'replace' && minFreePct > 0 && freeBytes !== null && totalBytes !== null) {
    const keptFreePct = Math.max(MIN_FREE_PCT, minFreePct + FREE_MARGIN_PCT);
    bySize('free-space', null, (keptFreePct / 100) * totalBytes - freeBytes);
  }
  return rules;
}

/** The age applies to every image. The sizes apply to pictures of boxes only: uploads of crews are few, and wanted for long. */
export function appliesTo({ reason }: RetentionRule, { path }: Pick<Image, 'path'>): boolean {
  return reason === 'age' || !path.startsWith(`${UPLOADS_DIRECTORY}/`);
}
