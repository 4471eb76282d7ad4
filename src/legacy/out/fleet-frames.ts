import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { PositionFeed, type RecordedPosition, type StoredPosition } from '../../tracking/index.js';
import { BoxDirectory } from '../in/box-directory.js';
import type { OldFields } from '../in/old-fields.js';
import { OpenRequests } from '../open-requests/index.js';
import { fieldsOfFix, trackingFrame } from './panel-frames.js';
import { Panels } from './panels.service.js';

/** Of fixes that did not come as a post: a phone sends many a second, and a frame has no time in it, so the newest does. */
const FRAME_MS = 1_000;

/**
 * Shows old panels what became durable: a box's post in its own words, at once; a fix that came by another way, of a
 * vehicle that has a box, in the words that its box would have used. Late ones are not shown: a frame says nothing of its
 * time, and the marker would jump back.
 */
@Injectable()
export class FleetFrames implements OnModuleInit, OnApplicationShutdown {
  private readonly posts = new Map<string, OldFields>();
  private readonly others = new Map<string, StoredPosition>();
  private timer: NodeJS.Timeout | null = null;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly feed: PositionFeed,
    private readonly boxes: BoxDirectory,
    private readonly panels: Panels,
    private readonly requests: OpenRequests,
  ) {}

  onModuleInit(): void {
    this.stopListening = this.feed.subscribe((recorded) => this.show(recorded));
  }

  onApplicationShutdown(): void {
    this.stopListening();
    if (this.timer) clearTimeout(this.timer);
  }

  /** A fix is on its way that came as this post. @returns how to forget that, when it is answered */
  expect(vehicleId: string, timeMs: number, fields: OldFields): () => void {
    const key = keyOf({ vehicleId, timeMs });
    this.posts.set(key, fields);
    return () => this.posts.delete(key);
  }

  private show(recorded: readonly RecordedPosition[]): void {
    for (const { position, late } of recorded) {
      if (late) continue;
      const fields = this.posts.get(keyOf(position));
      if (fields) this.tell(position, fields);
      else {
        this.others.set(position.vehicleId, position);
        this.timer ??= setTimeout(() => void this.showOthers(), FRAME_MS);
      }
    }
  }

  private async showOthers(): Promise<void> {
    const codes = await this.boxes.codeByVehicle();
    this.timer = null;
    for (const position of this.others.values()) {
      const code = codes.get(position.vehicleId);
      if (code !== undefined) this.tell(position, fieldsOfFix(code, position));
    }
    this.others.clear();
  }

  private tell(position: StoredPosition, fields: OldFields): void {
    const { vehicleId, lat, lon, speedMps = null } = position;
    // What was overtaken by a post meanwhile is not to come behind it.
    this.others.delete(vehicleId);
    const frame = trackingFrame(fields, vehicleId, this.requests.of(vehicleId, { lat, lon, speedMps }));
    this.panels.tell('tracking', frame);
    this.panels.tell(vehicleId, frame);
  }
}

const keyOf = ({ vehicleId, timeMs }: { vehicleId: string; timeMs: number }): string =>
  `${vehicleId}:${timeMs}`;
