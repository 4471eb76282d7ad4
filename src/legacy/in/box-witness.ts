import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { LegacyMetrics, type OldPost } from '../legacy-metrics.js';
import { Sightings } from '../status/sightings.js';
import { dialectOf } from './old-body.js';
import type { OldFields } from './old-fields.js';
import { boxCodeIn } from './old-values.js';
import { SocketPortRoutes } from './socket-port-routes.js';
import { UnknownBoxes } from './unknown-boxes.js';

/** Writes down which boxes speak, and how. */
@Injectable()
export class BoxWitness {
  constructor(
    private readonly sightings: Sightings,
    private readonly unknownBoxes: UnknownBoxes,
    private readonly socketPort: SocketPortRoutes,
    private readonly metrics: LegacyMetrics,
  ) {}

  /** @param isKnown false: no vehicle has this box, and nothing of its post was kept */
  note(post: OldPost, request: Request, fields: OldFields, isKnown: boolean): void {
    const code = boxCodeIn(fields);
    const how = {
      way: this.socketPort.has(request) ? 'socket_port' : 'http',
      dialect: dialectOf(request),
    } as const;
    if (isKnown) return this.sightings.note({ kind: 'box', name: code ?? '', ...how });
    this.metrics.post(post, 'unknown_box');
    const name = this.unknownBoxes.note(code, request.ip ?? '');
    this.sightings.note({ kind: 'unknown_box', name, ...how });
  }
}
