import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../core/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { quotaExceeded } from '../image.errors.js';
import { ImagesRepository } from '../images.repository.js';

/** Counted anew after this time: other instances take pictures in, too. */
const USAGE_MAX_AGE_MS = 300_000;
const MAX_CACHED_VEHICLES = 1_000;

interface Usage {
  usedBytes: number;
  readonly countedAtMs: number;
}

/**
 * What the pictures of each vehicle take together, against IMAGE_VEHICLE_QUOTA_BYTES: one lost device token fills its
 * vehicle's share and not the disk. A guard and no account: with several instances it may be a few pictures late.
 */
@Injectable()
export class VehicleQuota {
  private readonly counts = new Map<string, Usage>();

  constructor(
    private readonly images: ImagesRepository,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly clock: Clock,
  ) {}

  /** @throws images/quota-exceeded when so much more is too much */
  async assertQuota(vehicleId: string, sizeBytes: number): Promise<void> {
    const { usedBytes } = await this.usageOf(vehicleId);
    if (usedBytes + sizeBytes > this.settings.images.vehicleQuotaBytes) throw quotaExceeded();
  }

  /** Of a picture taken in, or with a minus of one deleted. */
  add(vehicleId: string, sizeBytes: number): void {
    const count = this.counts.get(vehicleId);
    if (count) count.usedBytes += sizeBytes;
  }

  private async usageOf(vehicleId: string): Promise<Usage> {
    const nowMs = this.clock.nowMs();
    const known = this.counts.get(vehicleId);
    if (known && nowMs - known.countedAtMs < USAGE_MAX_AGE_MS) return known;
    const counted = { usedBytes: await this.images.sumSizes(vehicleId), countedAtMs: nowMs };
    if (this.counts.size >= MAX_CACHED_VEHICLES) this.counts.clear();
    this.counts.set(vehicleId, counted);
    return counted;
  }
}
