import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { BackgroundJobs, EventBus } from '../../core/index.js';
import type { Image } from '../image.js';
import { dayOfImageId } from '../volume/volume-layout.js';
import {
  type Amount,
  amountOf,
  type DayKey,
  ImageTotalsRepository,
  NO_VEHICLE,
  NOTHING,
  plus,
} from './image-totals.repository.js';

/** Changes within this time are one write. A kill loses them; the recount finds them. */
const FLUSH_INTERVAL_MS = 1_000;

type Counted = Pick<Image, 'id' | 'vehicleId' | 'path' | 'origin' | 'sizeBytes'>;

declare module '../../core/events/event-bus.js' {
  interface EventMap {
    /** Bytes of uploads over the API that were stored for a vehicle; negative for deleted ones. */
    'vehicle.image-bytes-changed': { readonly vehicleId: string; readonly sizeBytes: number };
  }
}

/** Keeps the totals of images in storage up to date: collects the changes of this instance and adds them every second. */
@Injectable()
export class ImageTotalsService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private pending = new Map<string, DayKey & Amount>();

  constructor(
    private readonly repository: ImageTotalsRepository,
    private readonly jobs: BackgroundJobs,
    private readonly events: EventBus,
  ) {}

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'image-totals-write',
      intervalMs: FLUSH_INTERVAL_MS,
      run: () => this.flush(),
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    // After an outage the recount finds them.
    await this.flush().catch(() => undefined);
  }

  added(images: readonly Counted[]): void {
    for (const each of images) this.change(each, 1);
  }

  removed(images: readonly Counted[]): void {
    for (const each of images) this.change(each, -1);
  }

  /** Has the totals of these images counted again. */
  recount(images: readonly Pick<Counted, 'id' | 'vehicleId'>[]): Promise<void> {
    return this.repository.markStale(
      images.map(({ id, vehicleId }) => ({ vehicleId: vehicleId ?? NO_VEHICLE, day: dayOfImageId(id) })),
    );
  }

  /** Bytes of all uploads over the API of a vehicle, without those that other instances stored within a second. */
  async uploadBytesOf(vehicleId: string): Promise<number> {
    await this.flush();
    return (await this.repository.sumOf(vehicleId)).uploadBytes;
  }

  /** Writes the changes of this instance. @throws storage/unavailable: the next run repeats it */
  async flush(): Promise<void> {
    if (this.pending.size === 0) return;
    const changes = this.pending;
    this.pending = new Map();
    try {
      await this.repository.add([...changes.values()]);
    } catch (error) {
      for (const change of changes.values()) this.add(change);
      throw error;
    }
  }

  private change(image: Counted, sign: 1 | -1): void {
    const { id, vehicleId } = image;
    const { count, bytes, uploadBytes, adoptedBytes } = amountOf(image);
    const amount = {
      count: sign * count,
      bytes: sign * bytes,
      uploadBytes: sign * uploadBytes,
      adoptedBytes: sign * adoptedBytes,
    };
    this.add({ vehicleId: vehicleId ?? NO_VEHICLE, day: dayOfImageId(id), ...amount });
    if (vehicleId !== null && uploadBytes > 0)
      this.events.publish('vehicle.image-bytes-changed', { vehicleId, sizeBytes: amount.uploadBytes });
  }

  private add({ vehicleId, day, ...amount }: DayKey & Amount): void {
    const key = `${vehicleId}:${day}`;
    this.pending.set(key, { vehicleId, day, ...plus(this.pending.get(key) ?? NOTHING, amount) });
  }
}
