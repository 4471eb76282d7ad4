import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { SETTINGS, type Settings } from '../../config/index.js';
import { Clock, EventBus } from '../../core/index.js';
import { quotaExceeded } from '../image.errors.js';
import { ImageTotalsService } from '../totals/image-totals.service.js';

/** After this time the sum is read again: without Redis, the images of other instances are not known before. */
const USAGE_MAX_AGE_MS = 300_000;
const MAX_CACHED_VEHICLES = 1_000;

/**
 * Limits the bytes of all uploads over the API of one vehicle to IMAGE_VEHICLE_QUOTA_BYTES, so that a stolen device token cannot
 * fill the disk. Each instance counts the images that the others store, which a shared event reports. The limit is approximate: uploads
 * at the same time may exceed it by a few images, and without Redis by what the other instances store within five minutes.
 */
@Injectable()
export class VehicleQuota {
  private readonly usages: LRUCache<string, { bytes: number }>;

  constructor(
    private readonly totals: ImageTotalsService,
    @Inject(SETTINGS) private readonly settings: Settings,
    clock: Clock,
    events: EventBus,
  ) {
    this.usages = new LRUCache({
      max: MAX_CACHED_VEHICLES,
      ttl: USAGE_MAX_AGE_MS,
      perf: { now: () => clock.nowMs() },
      // Reads the clock at every access instead of once per millisecond of real time.
      ttlResolution: 0,
    });
    events.share('vehicle.image-bytes-changed');
    events.subscribe('vehicle.image-bytes-changed', ({ vehicleId, sizeBytes }) => {
      const usage = this.usages.get(vehicleId);
      if (usage) usage.bytes += sizeBytes;
    });
    events.subscribe('cluster.events-missed', () => this.usages.clear());
  }

  /** @throws images/quota-exceeded when the vehicle may not store `sizeBytes` more */
  async assertQuota(vehicleId: string, sizeBytes: number): Promise<void> {
    const { bytes } = await this.usageOf(vehicleId);
    if (bytes + sizeBytes > this.settings.images.vehicleQuotaBytes) throw quotaExceeded();
  }

  private async usageOf(vehicleId: string): Promise<{ bytes: number }> {
    const known = this.usages.get(vehicleId);
    if (known) return known;
    const usage = { bytes: await this.totals.uploadBytesOf(vehicleId) };
    this.usages.set(vehicleId, usage);
    return usage;
  }
}
