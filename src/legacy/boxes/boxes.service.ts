import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { randomUUID } from 'node:crypto';
import { Clock } from '../../core/index.js';
import { CrashesService } from '../../crashes/index.js';
import { parseMeasurements, PositionsService } from '../../tracking/index.js';
import { boxCodeIn, type LegacyFields, measurementsIn, numberIn } from '../legacy-fields.js';
import { LegacyMetrics } from '../legacy-metrics.js';
import { PostSpool } from '../spool/post-spool.service.js';
import { ArrivalTimes } from './arrival-times.js';
import { BoxDirectory } from './box-directory.js';
import { BoxPicturesService } from './box-pictures.service.js';
import { readLegacyBody } from './legacy-body.js';
import { PostLimits } from './post-limits.js';
import { LegacyRequestRecorder } from './legacy-request-recorder.js';

/** The answers of the old server, unchanged. */
export const SUCCESS = { success: true } as const;
export const NOT_FOUND = { message: 'Ambulance not found.' } as const;

const MAX_SPEED_MPS = 1_000;

/** The three requests of old tracking boxes: a position, a crash, pictures. Answers as the old server did. */
@Injectable()
export class BoxesService {
  constructor(
    private readonly boxes: BoxDirectory,
    private readonly arrivals: ArrivalTimes,
    private readonly positions: PositionsService,
    private readonly crashes: CrashesService,
    private readonly spool: PostSpool,
    private readonly pictures: BoxPicturesService,
    private readonly limits: PostLimits,
    private readonly recorder: LegacyRequestRecorder,
    private readonly metrics: LegacyMetrics,
    private readonly clock: Clock,
  ) {}

  async track(request: Request, response: Response): Promise<void> {
    this.limits.checkAddress('position', request);
    const { fields } = await readLegacyBody(request);
    const isKnown = await this.ingestPosition(request, fields);
    this.recorder.record('position', request, fields, isKnown);
    if (isKnown) response.status(200).json(SUCCESS);
    else answerUnknownBox(response);
  }

  async crash(request: Request, response: Response): Promise<void> {
    this.limits.checkAddress('crash', request);
    const { fields } = await readLegacyBody(request);
    const isKnown = await this.ingestCrash(fields);
    this.recorder.record('crash', request, fields, isKnown);
    if (isKnown) answerEmpty(response);
    else answerUnknownBox(response);
  }

  /** The old server gave this answer to unknown boxes too. */
  async snapshot(request: Request, response: Response): Promise<void> {
    this.limits.checkAddress('picture', request);
    const { fields, isKnown } = await this.pictures.ingest(request);
    this.recorder.record('picture', request, fields, isKnown);
    answerEmpty(response);
  }

  /**
   * Resolves when the position is durable, or cannot be one: a box without a fix reports too, and would repeat a refused
   * report for ever.
   * @returns false when no vehicle has this box
   * @throws storage/unavailable, TooManyPostsError
   */
  private async ingestPosition(request: Request, fields: LegacyFields): Promise<boolean> {
    const vehicleId = await this.boxes.find(boxCodeIn(fields));
    if (vehicleId === null) return false;
    this.limits.checkBox('position', vehicleId, request);
    const receivedAtMs = this.clock.nowMs();
    const timeMs = this.arrivals.next(vehicleId);
    const parsed = parseMeasurements(measurementsIn(fields), timeMs, fields);
    if ('rejection' in parsed) {
      // Counts the rejection; nothing is stored.
      await this.positions.reportParsed(vehicleId, [parsed], 'legacy');
      this.metrics.post('position', 'unusable');
      return true;
    }
    const post = { kind: 'position', id: randomUUID(), vehicleId, timeMs, receivedAtMs, fields } as const;
    this.metrics.post('position', await this.spool.submit(post));
    return true;
  }

  /**
   * Resolves when the crash is durable. It has no rate limit of its own, because no alarm may be lost; `CrashesService`
   * stores one in a second. A place, speed or heading out of range is left out; the crash is kept.
   * @returns false when no vehicle has this box
   * @throws storage/unavailable
   */
  private async ingestCrash(fields: LegacyFields): Promise<boolean> {
    const vehicleId = await this.boxes.find(boxCodeIn(fields));
    if (vehicleId === null) return false;
    const receivedAtMs = this.clock.nowMs();
    const lat = within(fields['tracking_latitude'], -90, 90);
    const lon = within(fields['tracking_longitude'], -180, 180);
    const hasPlace = lat !== null && lon !== null;
    const crash = this.crashes.identify({
      vehicleId,
      reportedAt: new Date(receivedAtMs),
      lat: hasPlace ? lat : null,
      lon: hasPlace ? lon : null,
      speedMps: within(fields['tracking_speed'], 0, MAX_SPEED_MPS),
      headingDeg: within(fields['tracking_heading'], 0, 360),
    });
    const post = { kind: 'crash', id: crash.id, vehicleId, receivedAtMs, crash, fields } as const;
    this.metrics.post('crash', await this.spool.submit(post));
    return true;
  }
}

function within(value: unknown, min: number, max: number): number | null {
  const number = numberIn(value);
  return number !== null && number >= min && number <= max ? number : null;
}

function answerUnknownBox(response: Response): void {
  response.status(201).json(NOT_FOUND);
}

/** The answer has neither a body nor a content type. */
function answerEmpty(response: Response): void {
  response.status(200).end();
}
