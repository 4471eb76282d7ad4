import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { BoxCrashesService } from './box-crashes.service.js';
import { BoxPicturesService } from './box-pictures.service.js';
import { BoxPositionsService } from './box-positions.service.js';
import { LegacyRequestRecorder } from './legacy-request-recorder.js';
import { answerEmpty, answerUnknownBox, SUCCESS } from './legacy-responses.js';
import { readLegacyBody } from './legacy-body.js';

/** The three posts of the old server's boxes: read, taken, answered to the letter. */
@Injectable()
export class BoxesService {
  constructor(
    private readonly positions: BoxPositionsService,
    private readonly crashes: BoxCrashesService,
    private readonly pictures: BoxPicturesService,
    private readonly recorder: LegacyRequestRecorder,
  ) {}

  async track(request: Request, response: Response): Promise<void> {
    const { fields } = await readLegacyBody(request);
    const isKnown = await this.positions.ingest(fields);
    this.recorder.record('position', request, fields, isKnown);
    if (isKnown) response.status(200).json(SUCCESS);
    else answerUnknownBox(response);
  }

  async crash(request: Request, response: Response): Promise<void> {
    const { fields } = await readLegacyBody(request);
    const isKnown = await this.crashes.ingest(fields);
    this.recorder.record('crash', request, fields, isKnown);
    if (isKnown) answerEmpty(response);
    else answerUnknownBox(response);
  }

  /** The old server said nothing else, whoever it was. */
  async snapshot(request: Request, response: Response): Promise<void> {
    const { fields, isKnown } = await this.pictures.ingest(request);
    this.recorder.record('picture', request, fields, isKnown);
    answerEmpty(response);
  }
}
