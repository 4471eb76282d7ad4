import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { EventBus } from '../../core/index.js';
import { type RecordedPosition, type StoredPosition } from '../../tracking/index.js';
import { BoxDirectory } from '../boxes/box-directory.js';
import type { LegacyFields } from '../boxes/legacy-fields.js';
import { OpenRequestsService } from '../open-requests/open-requests.service.js';
import { fieldsOfFix, trackingFrame } from './panel-frames.js';
import { PanelsService } from './panels.service.js';

/** Of fixes that did not come as a post: a phone sends many a second, and a frame has no time in it, so the newest does. */
const FRAME_MS = 1_000;

/**
 * Shows old panels what became durable: a box's post in its own words, at once; a fix that came by another way, of a
 * vehicle that has a box, in the words that its box would have used. Late ones are not shown: a frame says nothing of its
 * time, and the marker would jump back.
 */
@Injectable()
export class PositionFramePublisher implements OnApplicationShutdown {
  private readonly posts = new Map<string, LegacyFields>();
  private readonly latestPositions = new Map<string, StoredPosition>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly boxes: BoxDirectory,
    private readonly panels: PanelsService,
    private readonly requests: OpenRequestsService,
    events: EventBus,
  ) {
    events.subscribe('position.recorded', (recorded) => this.onRecorded(recorded));
  }

  onApplicationShutdown(): void {
    if (this.timer) clearTimeout(this.timer);
  }

  /** A fix is on its way that came as this post. @returns how to forget that, when it is answered */
  expect(vehicleId: string, timeMs: number, fields: LegacyFields): () => void {
    const key = keyOf({ vehicleId, timeMs });
    this.posts.set(key, fields);
    return () => this.posts.delete(key);
  }

  private onRecorded(recorded: readonly RecordedPosition[]): void {
    for (const { position, late } of recorded) {
      if (late) continue;
      const fields = this.posts.get(keyOf(position));
      if (fields) this.broadcast(position, fields);
      else {
        this.latestPositions.set(position.vehicleId, position);
        this.timer ??= setTimeout(() => void this.sendLatestPositions(), FRAME_MS);
      }
    }
  }

  private async sendLatestPositions(): Promise<void> {
    const codes = await this.boxes.codeByVehicle();
    this.timer = null;
    for (const position of this.latestPositions.values()) {
      const code = codes.get(position.vehicleId);
      if (code !== undefined) this.broadcast(position, fieldsOfFix(code, position));
    }
    this.latestPositions.clear();
  }

  private broadcast(position: StoredPosition, fields: LegacyFields): void {
    const { vehicleId, lat, lon, speedMps = null } = position;
    // What was overtaken by a post meanwhile is not to come behind it.
    this.latestPositions.delete(vehicleId);
    const frame = trackingFrame(
      fields,
      vehicleId,
      this.requests.requestOf(vehicleId, { lat, lon, speedMps }),
    );
    this.panels.broadcast('tracking', frame);
    this.panels.broadcast(vehicleId, frame);
  }
}

const keyOf = ({ vehicleId, timeMs }: { vehicleId: string; timeMs: number }): string =>
  `${vehicleId}:${timeMs}`;
