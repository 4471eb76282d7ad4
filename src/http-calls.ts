import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpTraffic } from './common/index.js';
import { SETTINGS, type Settings } from './config/index.js';
import { SocketPort } from './gateway/index.js';
import { type ClientHolder, LettingGo, RELEASE_HEADER, releaseHeader } from './release/index.js';

const LOOK_EVERY_MS = 50;

/** HTTP calls under way, each answered with the release that answers it. */
@Injectable()
export class HttpCalls implements ClientHolder {
  readonly name = 'http';
  private readonly release: string;

  constructor(
    private readonly lettingGo: LettingGo,
    private readonly traffic: HttpTraffic,
    private readonly host: HttpAdapterHost,
    private readonly sockets: SocketPort,
    @Inject(SETTINGS) private readonly settings: Settings,
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
    const { drain, handover } = this.lettingGo;
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
    while (performance.now() < endMs && (await this.connections()) > 0) await sleep(LOOK_EVERY_MS);
  }

  /** Of both ports: the old server's boxes call on the other one too. */
  private async connections(): Promise<number> {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    const own = await new Promise<number>((resolve) =>
      server.getConnections((error, count) => resolve(error ? 0 : count)),
    );
    return own + (await this.sockets.connections());
  }
}
