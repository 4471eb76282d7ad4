import { Inject, Injectable } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { HttpTraffic } from './common/index.js';
import { SETTINGS, type Settings } from './config/index.js';
import { type ClientHolder, LettingGo, RELEASE_HEADER, releaseHeader } from './release/index.js';

/** HTTP calls under way, each answered with the release that answers it. */
@Injectable()
export class HttpCalls implements ClientHolder {
  readonly name = 'http';
  private readonly release: string;

  constructor(
    private readonly lettingGo: LettingGo,
    private readonly traffic: HttpTraffic,
    @Inject(SETTINGS) settings: Settings,
  ) {
    this.release = releaseHeader(settings.release);
    lettingGo.register(this);
  }

  get open(): number {
    return this.traffic.inFlight;
  }

  /** For every answer. */
  readonly middleware = (_request: Request, response: Response, next: NextFunction): void => {
    response.setHeader(RELEASE_HEADER, this.release);
    // A connection that is kept alive would bring its next call here again.
    if (this.lettingGo.drain) response.setHeader('Connection', 'close');
    next();
  };

  /** Nobody is refused: each call is answered, and its connection ends with it. */
  drain(): Promise<void> {
    return Promise.resolve();
  }

  beginHandover(): Promise<void> {
    return Promise.resolve();
  }

  endHandover(): void {}
}
