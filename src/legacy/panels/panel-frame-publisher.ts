import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import {
  Clock,
  EventBus,
  type Measurements,
  type Position,
  type RecordedPosition,
} from '../../core/index.js';
import { BoxDirectory } from '../boxes/box-directory.js';
import { type LegacyFields, speedKmh } from '../legacy-fields.js';
import { type OpenRequest, OpenRequestsService } from '../open-requests/open-requests.service.js';
import { crashNotifyRoom } from './panel-socket.js';
import { PanelsService } from './panels.service.js';

/** A phone sends many positions a second, and a frame has no time field: only the newest of each interval is sent. */
const FRAME_INTERVAL_MS = 1_000;
/** A position that arrived longer ago has waited in the spool. Then many come at once, and only the newest is of use. */
const DELAYED_MS = 5_000;

/**
 * Sends old panels a frame for every position, crash and picture request, in the format of the old server. A position of
 * an old box is sent at once, with the fields that the box sent. A position from another source is sent when its vehicle
 * has a box, with the fields that the box would have sent. Of positions that waited in the spool, the newest of each second is
 * sent.
 */
@Injectable()
export class PanelFramePublisher implements OnApplicationShutdown {
  private readonly latestPositions = new Map<string, Position>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly boxes: BoxDirectory,
    private readonly panels: PanelsService,
    private readonly requests: OpenRequestsService,
    private readonly clock: Clock,
    events: EventBus,
  ) {
    events.subscribe('position.recorded', (recorded) => this.onPositions(recorded));
    events.subscribe('crash.recorded', ({ crash, originalFields }) => {
      panels.broadcast(crashNotifyRoom(crash.vehicleId), crashNotifyFrame(crash.id));
      if (originalFields) panels.broadcast('crash', crashFrame(originalFields));
    });
    events.subscribe('legacy-snapshot.stored', ({ names, originalFields }) =>
      panels.broadcast('snap', snapFrame(originalFields, names)),
    );
  }

  onApplicationShutdown(): void {
    if (this.timer) clearTimeout(this.timer);
  }

  private onPositions(recorded: readonly RecordedPosition[]): void {
    const nowMs = this.clock.nowMs();
    for (const { position, late } of recorded) {
      // A frame has no time field: after a late position the marker would jump back.
      if (late) continue;
      const isDelayed = nowMs - position.receivedAtMs > DELAYED_MS;
      if (position.originalFields && !isDelayed) this.broadcast(position, position.originalFields);
      else {
        this.latestPositions.set(position.vehicleId, position);
        this.timer ??= setTimeout(() => void this.sendLatestPositions(), FRAME_INTERVAL_MS);
      }
    }
  }

  private async sendLatestPositions(): Promise<void> {
    const codes = await this.boxes.codeByVehicle();
    this.timer = null;
    for (const position of this.latestPositions.values()) {
      const code = codes.get(position.vehicleId);
      const fields = position.originalFields ?? (code === undefined ? null : legacyFieldsOf(code, position));
      if (fields) this.broadcast(position, fields);
    }
    this.latestPositions.clear();
  }

  private broadcast(position: Position, fields: LegacyFields): void {
    const { vehicleId, lat, lon, speedMps = null } = position;
    // A position that waits for its interval is older than this one.
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

type RequestSummary = Pick<OpenRequest, 'requestType' | 'estimatedMinutes'>;

/** The fields as received, the speed in km/h, and the keys that the old server added, in its order. */
export function trackingFrame(
  fields: LegacyFields,
  vehicleId: string,
  request: RequestSummary | null,
): object {
  return {
    ...withSpeedKmh(fields),
    _id: vehicleId,
    is_assign: request ? 1 : 0,
    type: 'TRACKING',
    request_type: request?.requestType ?? '',
    // Panels need a number; 0 means unknown.
    estimated_time: request?.estimatedMinutes ?? 0,
  };
}

export function crashFrame(fields: LegacyFields): object {
  return { ...withSpeedKmh(fields), type: 'CRASH' };
}

function crashNotifyFrame(crashId: string): object {
  return { ambulance_crashes_id: crashId, type: 'CRASH_NOTIFY' };
}

/** @param names old addresses of the pictures, in the order of the request */
export function snapFrame(fields: LegacyFields, names: readonly string[]): object {
  return {
    body: fields,
    imagesObj: Object.fromEntries(names.map((name, n) => [`image${n}`, name])),
  };
}

/** The fields that the box of a vehicle would have sent for a position from another source. */
export function legacyFieldsOf(
  boxCode: string,
  { lat, lon, speedMps, headingDeg }: Measurements,
): LegacyFields {
  return {
    ambulance_id: boxCode,
    tracking_latitude: lat,
    tracking_longitude: lon,
    // `speedKmh` converts it to null, which panels treat as unknown; null itself would become 0.
    tracking_speed: speedMps ?? 'unknown',
    tracking_heading: headingDeg ?? null,
  };
}

/** A spread defines own properties, whatever the names are. */
function withSpeedKmh(fields: LegacyFields): LegacyFields {
  return { ...fields, tracking_speed: speedKmh(fields['tracking_speed']) };
}
