import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { boxCodeIn, type LegacyFields } from '../legacy-fields.js';
import { LegacyMetrics, type LegacyPostKind } from '../legacy-metrics.js';
import { isSocketPortRequest } from '../legacy-routes.js';
import { originOf } from '../mirrored-posts/post-source.js';
import { LegacyClientTracker } from '../status/legacy-client-tracker.js';
import { UnknownBoxes } from '../status/unknown-boxes.js';
import { dialectOf } from './legacy-body.js';

/** Records which boxes send requests, on which port and in which format. */
@Injectable()
export class LegacyRequestRecorder {
  constructor(
    private readonly clientTracker: LegacyClientTracker,
    private readonly unknownBoxes: UnknownBoxes,
    private readonly metrics: LegacyMetrics,
  ) {}

  /** @param isKnown false when no vehicle has this box and nothing of the request is kept */
  record(post: LegacyPostKind, request: Request, fields: LegacyFields, isKnown: boolean): void {
    const code = boxCodeIn(fields);
    const how = {
      way: isSocketPortRequest(request) ? 'socket_port' : 'http',
      dialect: dialectOf(request),
      lastAddress: request.ip ?? null,
    } as const;
    if (isKnown) return this.clientTracker.record({ kind: 'box', name: code ?? '', ...how });
    this.metrics.post(post, 'unknown_box', originOf(request));
    const name = this.unknownBoxes.record(code, request.ip ?? '');
    this.clientTracker.record({ kind: 'unknown_box', name, ...how });
  }
}
