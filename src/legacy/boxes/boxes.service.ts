import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { randomUUID } from 'node:crypto';
import { Clock } from '../../core/index.js';
import { CrashesService } from '../../crashes/index.js';
import { parseMeasurements, PositionsService } from '../../tracking/index.js';
import { measurementsIn, numberIn } from '../legacy-fields.js';
import { LegacyMetrics } from '../legacy-metrics.js';
import { PostSources } from '../mirrored-posts/post-source.js';
import { RecentRequests } from '../mirrored-posts/recent-requests.js';
import { LegacyRoles } from '../roles/legacy-roles.js';
import { deterministicId } from '../shared-collections/deterministic-id.js';
import { PostSpool } from '../spool/post-spool.service.js';
import {
  BoxAnswers,
  type PostResult,
  receivedPost,
  type ReceivedPost,
  refuseLoop,
} from '../tee/box-answers.js';
import type { OldAnswer } from '../tee/old-server-client.js';
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
    private readonly answers: BoxAnswers,
    private readonly pictures: BoxPicturesService,
    private readonly limits: PostLimits,
    private readonly recorder: LegacyRequestRecorder,
    private readonly metrics: LegacyMetrics,
    private readonly sources: PostSources,
    private readonly requests: RecentRequests,
    private readonly roles: LegacyRoles,
    private readonly clock: Clock,
  ) {}

  async track(request: Request, response: Response): Promise<void> {
    const post = await this.receive('position', request);
    const result = await this.ingestPosition(request, post);
    this.recorder.record('position', request, post.fields, result === 'known');
    if (result === 'known') response.status(200).json(SUCCESS);
    else if (result === 'unknown') answerUnknownBox(response);
    else answerAsOldServer(response, result);
  }

  async crash(request: Request, response: Response): Promise<void> {
    const post = await this.receive('crash', request);
    const result = await this.ingestCrash(post);
    this.recorder.record('crash', request, post.fields, result === 'known');
    if (result === 'known') answerEmpty(response);
    else if (result === 'unknown') answerUnknownBox(response);
    else answerAsOldServer(response, result);
  }

  /** The old server gave this answer to unknown boxes too. */
  async snapshot(request: Request, response: Response): Promise<void> {
    refuseLoop(request);
    const source = this.sources.of(request);
    this.limits.checkAddress('picture', request);
    const { fields, result } = await this.pictures.ingest(request, source);
    this.recorder.record('picture', request, fields, result === 'known');
    if (typeof result === 'string') answerEmpty(response);
    else answerAsOldServer(response, result);
  }

  private async receive(kind: 'position' | 'crash', request: Request): Promise<ReceivedPost> {
    refuseLoop(request);
    const source = this.sources.of(request);
    this.limits.checkAddress(kind, request);
    const { fields, bytes } = await readLegacyBody(request);
    return receivedPost(request, { kind, source, fields, body: bytes });
  }

  /**
   * Resolves when the position is durable, or cannot be one: a box without a fix reports too, and would repeat a refused
   * report for ever.
   * @throws storage/unavailable, TooManyPostsError
   */
  private async ingestPosition(request: Request, post: ReceivedPost): Promise<PostResult> {
    const { fields, source } = post;
    const vehicleId = await this.answers.findBox(post, (code) => this.boxes.find(code));
    if (typeof vehicleId !== 'string') return vehicleId ?? 'unknown';
    this.limits.checkBox('position', vehicleId, request);
    const arrival = this.requests.arrivalOf('position', vehicleId, source.requestId, () => ({
      id: randomUUID(),
      receivedAtMs: this.clock.nowMs(),
      timeMs: this.arrivals.next(vehicleId),
      roleEpoch: this.roles.arrivalEpoch,
    }));
    const parsed = parseMeasurements(measurementsIn(fields), arrival.timeMs, fields);
    const { receivedAtMs, timeMs } = arrival;
    if ('rejection' in parsed) {
      await this.answers.whenSafe(post, { vehicleId, receivedAtMs, recordId: null }, async () => {
        // Counts the rejection; nothing is stored.
        await this.positions.reportParsed(vehicleId, [parsed], 'legacy');
        this.metrics.post('position', 'unusable', source.origin);
      });
      return 'known';
    }
    const record = { kind: 'position', vehicleId, fields, ...arrival, ...source } as const;
    await this.answers.whenSafe(post, { vehicleId, receivedAtMs, recordId: String(timeMs) }, async () =>
      this.metrics.post('position', await this.spool.submit(record), source.origin),
    );
    return 'known';
  }

  /**
   * Resolves when the crash is durable. It has no rate limit of its own, because no alarm may be lost; `CrashesService`
   * stores one in a second. A place, speed or heading out of range is left out; the crash is kept.
   * @throws storage/unavailable
   */
  private async ingestCrash(post: ReceivedPost): Promise<PostResult> {
    const { fields, source } = post;
    const vehicleId = await this.answers.findBox(post, (code) => this.boxes.find(code));
    if (typeof vehicleId !== 'string') return vehicleId ?? 'unknown';
    const arrival = this.requests.arrivalOf('crash', vehicleId, source.requestId, () => ({
      receivedAtMs: this.clock.nowMs(),
      roleEpoch: this.roles.arrivalEpoch,
    }));
    const { receivedAtMs } = arrival;
    const lat = within(fields['tracking_latitude'], -90, 90);
    const lon = within(fields['tracking_longitude'], -180, 180);
    const hasPlace = lat !== null && lon !== null;
    const report = {
      vehicleId,
      reportedAt: new Date(receivedAtMs),
      lat: hasPlace ? lat : null,
      lon: hasPlace ? lon : null,
      speedMps: within(fields['tracking_speed'], 0, MAX_SPEED_MPS),
      headingDeg: within(fields['tracking_heading'], 0, 360),
    };
    const crash = this.crashes.identify(report, crashIdOf(source.requestId, receivedAtMs));
    const record = { kind: 'crash', id: crash.id, vehicleId, crash, fields, ...arrival, ...source } as const;
    await this.answers.whenSafe(post, { vehicleId, receivedAtMs, recordId: crash.id }, async () =>
      this.metrics.post('crash', await this.spool.submit(record), source.origin),
    );
    return 'known';
  }
}

/** The copies of one request have one id also on two instances, when they arrive within one second. */
function crashIdOf(requestId: string | null, receivedAtMs: number): string | undefined {
  const secondMs = Math.floor(receivedAtMs / 1_000) * 1_000;
  return requestId === null ? undefined : deterministicId('crash', secondMs, requestId);
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

function answerAsOldServer(response: Response, { status, contentType, body }: OldAnswer): void {
  response.status(status);
  if (contentType !== null) response.setHeader('Content-Type', contentType);
  response.end(body);
}
