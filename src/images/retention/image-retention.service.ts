import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { AuditLog } from '../../auth/index.js';
import { BackgroundJobs, Metrics, pacedStep } from '../../core/index.js';
import { DatabaseConnection } from '../../database/index.js';
import type { Image } from '../image.js';
import { ImageVolume } from '../volume/image-volume.js';
import { ImageReferences } from './image-references.js';
import { ImageRemovalService } from './image-removal.service.js';
import { RETENTION_REASONS, type RetentionReason } from './retention-rules.js';
import { type RetentionAmount, RetentionPlanner } from './retention-planner.js';

const INTERVAL_MS = 600_000;
/** It uses half of the time: on a slow disk too it must delete faster than 16 boxes send, 46 pictures a second. */
const PAUSE_FACTOR = 1;

/**
 * Deletes the oldest images by the limits of the settings: age (IMAGE_RETENTION_DAYS), size of a vehicle's images and of all
 * images, free space of the volume. By default nothing is deleted. It works in small steps with pauses, on one instance for
 * all. An image that the newest document of a vehicle names stays.
 */
@Injectable()
export class ImageRetention implements OnApplicationBootstrap {
  private readonly logger = new Logger(ImageRetention.name);
  private readonly deletedImages;
  private readonly deletedBytes;

  constructor(
    private readonly planner: RetentionPlanner,
    private readonly references: ImageReferences,
    private readonly removal: ImageRemovalService,
    private readonly volume: ImageVolume,
    private readonly database: DatabaseConnection,
    private readonly audit: AuditLog,
    private readonly jobs: BackgroundJobs,
    metrics: Metrics,
  ) {
    this.deletedImages = metrics.counter({
      name: 'samserver_image_retention_deleted_total',
      help: 'Images that retention has deleted, by the rule.',
      labelNames: ['reason'],
    });
    this.deletedBytes = metrics.counter({
      name: 'samserver_image_retention_deleted_bytes_total',
      help: 'Bytes of the images that retention has deleted, by the rule.',
      labelNames: ['reason'],
    });
    for (const reason of RETENTION_REASONS) {
      this.deletedImages.inc({ reason }, 0);
      this.deletedBytes.inc({ reason }, 0);
    }
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'image-retention',
      intervalMs: INTERVAL_MS,
      lock: {},
      startsAfter: async () => (await this.database.whenStarted()) && this.volume.report.state !== 'none',
      // Fails while this instance cannot use the volume: another instance sweeps then.
      run: async (signal) => void (await this.sweep(signal)),
    });
  }

  /**
   * Deletes what the rules give now.
   * @param signal ends the sweep early
   * @throws images/volume-unavailable, storage/unavailable
   */
  async sweep(signal?: AbortSignal): Promise<RetentionAmount> {
    void this.volume.directoryForDeleting;
    const total = { images: 0, bytes: 0 };
    const { freeBytes, totalBytes } = this.volume.report;
    const rules = await this.planner.rules({ freeBytes, totalBytes });
    try {
      for (const rule of rules) {
        const victims = this.planner.victims(rule);
        while (!signal?.aborted && !this.references.areFrozen) {
          const { value: step, done } = await pacedStep(() => victims.next(), signal, PAUSE_FACTOR);
          if (done) break;
          if (step.length === 0) continue;
          // Written before anything is deleted.
          if (total.images === 0)
            await this.record({ phase: 'begun', rules: rules.map(({ reason }) => reason).join(' ') });
          await pacedStep(() => this.removal.remove(step), signal, PAUSE_FACTOR);
          this.count(rule.reason, step, total);
        }
      }
    } finally {
      if (total.images > 0) {
        this.logger.log(total, 'retention of images finished');
        await this.record({ phase: 'ended', images: String(total.images), bytes: String(total.bytes) });
      }
    }
    return total;
  }

  private count(
    reason: RetentionReason,
    step: readonly Image[],
    total: { images: number; bytes: number },
  ): void {
    const bytes = step.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    this.deletedImages.inc({ reason }, step.length);
    this.deletedBytes.inc({ reason }, bytes);
    total.images += step.length;
    total.bytes += bytes;
  }

  private record(details: Readonly<Record<string, string>>): Promise<void> {
    const target = { kind: 'image', id: null, email: null } as const;
    return this.audit.record({ action: 'images.retention', target, details });
  }
}
