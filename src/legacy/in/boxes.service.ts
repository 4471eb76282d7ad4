import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { BoxCrashes } from './box-crashes.service.js';
import { BoxPictures } from './box-pictures.service.js';
import { BoxPositions } from './box-positions.service.js';
import { BoxWitness } from './box-witness.js';
import { answerEmpty, answerUnknownBox, SUCCESS } from './old-answers.js';
import { readOldBody } from './old-body.js';

/** The three posts of the old server's boxes: read, taken, answered to the letter. */
@Injectable()
export class Boxes {
  constructor(
    private readonly positions: BoxPositions,
    private readonly crashes: BoxCrashes,
    private readonly pictures: BoxPictures,
    private readonly witness: BoxWitness,
  ) {}

  async track(request: Request, response: Response): Promise<void> {
    const { fields } = await readOldBody(request);
    const isKnown = await this.positions.take(fields);
    this.witness.note('position', request, fields, isKnown);
    if (isKnown) response.status(200).json(SUCCESS);
    else answerUnknownBox(response);
  }

  async crash(request: Request, response: Response): Promise<void> {
    const { fields } = await readOldBody(request);
    const isKnown = await this.crashes.take(fields);
    this.witness.note('crash', request, fields, isKnown);
    if (isKnown) answerEmpty(response);
    else answerUnknownBox(response);
  }

  /** The old server said nothing else, whoever it was. */
  async snapshot(request: Request, response: Response): Promise<void> {
    const { fields, isKnown } = await this.pictures.take(request);
    this.witness.note('picture', request, fields, isKnown);
    answerEmpty(response);
  }
}
