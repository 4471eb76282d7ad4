import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { LegacyMetrics, type LegacyPostKind } from '../legacy-metrics.js';
import { LegacyClientTracker } from '../status/legacy-client-tracker.js';
import { dialectOf } from './legacy-body.js';
import type { LegacyFields } from './legacy-fields.js';
import { boxCodeIn } from './legacy-values.js';
import { SocketPortRoutes } from '../panels/socket-port-routes.js';
import { UnknownBoxes } from '../status/unknown-boxes.js';

/** Writes down which boxes speak, and how. */
@Injectable()
export class LegacyRequestRecorder {
  constructor(
    private readonly clientTracker: LegacyClientTracker,
    private readonly unknownBoxes: UnknownBoxes,
    private readonly socketPort: SocketPortRoutes,
    private readonly metrics: LegacyMetrics,
  ) {}

  /** @param isKnown false: no vehicle has this box, and nothing of its post was kept */
  record(post: LegacyPostKind, request: Request, fields: LegacyFields, isKnown: boolean): void {
    const code = boxCodeIn(fields);
    const how = {
      way: this.socketPort.has(request) ? 'socket_port' : 'http',
      dialect: dialectOf(request),
    } as const;
    if (isKnown) return this.clientTracker.record({ kind: 'box', name: code ?? '', ...how });
    this.metrics.post(post, 'unknown_box');
    const name = this.unknownBoxes.record(code, request.ip ?? '');
    this.clientTracker.record({ kind: 'unknown_box', name, ...how });
  }
}
