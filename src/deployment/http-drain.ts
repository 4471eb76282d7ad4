import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpTraffic } from '../core/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { type Drainable, DrainService } from './drain.service.js';
import { RELEASE_HEADER, releaseHeader } from './release-header.js';

const POLL_INTERVAL_MS = 50;

/** HTTP calls under way, each answered with the release that answers it. */
@Injectable()
export class HttpDrain implements Drainable {
  readonly name = 'http';
  private readonly release: string;
  private countOtherConnections: () => Promise<number> = () => Promise.resolve(0);

  constructor(
    private readonly drainService: DrainService,
    private readonly traffic: HttpTraffic,
    private readonly host: HttpAdapterHost,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    this.release = releaseHeader(settings.release);
    drainService.register(this);
  }

  get open(): number {
    return this.traffic.inFlight;
  }

  /** For the socket port, which the old server's boxes call over HTTP too. */
  addConnectionCount(count: () => Promise<number>): void {
    this.countOtherConnections = count;
  }

  /** For every answer. */
  readonly middleware = (_request: Request, response: Response, next: NextFunction): void => {
    response.setHeader(RELEASE_HEADER, this.release);
    const { drain, handover } = this.drainService;
    // A connection that is kept alive would bring its next call here again.
    if (drain || (handover && !handover.isDone)) response.setHeader('Connection', 'close');
    next();
  };

  /**
   * Nobody is refused. A kept-alive connection that is closed while its next call is on the way fails that call, so each
   * is left to bring one more, which is told that it was the last; those that bring none by the end are idle.
   */
  async drain(): Promise<void> {
    const endMs = performance.now() + this.settings.httpLingerMs;
    while (performance.now() < endMs && (await this.connections()) > 0) await sleep(POLL_INTERVAL_MS);
  }

  /** Of both ports. */
  private async connections(): Promise<number> {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    const own = await new Promise<number>((resolve) =>
      server.getConnections((error, count) => resolve(error ? 0 : count)),
    );
    return own + (await this.countOtherConnections());
  }
}
