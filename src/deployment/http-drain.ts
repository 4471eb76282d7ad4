import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpTraffic } from '../core/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { type Drainable, DrainService } from './drain.service.js';
import { RELEASE_HEADER, releaseHeader } from '../cluster/index.js';

const POLL_INTERVAL_MS = 50;

/** Drains keep-alive HTTP connections, and names the release in every answer. */
@Injectable()
export class HttpDrain implements Drainable {
  readonly name = 'http';
  /** Header of every answer. */
  readonly releaseHeader: readonly [name: string, value: string];
  private countOtherConnections: () => Promise<number> = () => Promise.resolve(0);

  constructor(
    private readonly drainService: DrainService,
    private readonly traffic: HttpTraffic,
    private readonly host: HttpAdapterHost,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    this.releaseHeader = [RELEASE_HEADER, releaseHeader(settings.release)];
    drainService.register(this);
  }

  /** Requests in flight. */
  get open(): number {
    return this.traffic.inFlight;
  }

  /** Adds the connections of the socket port, which also answers plain HTTP requests of old tracking boxes. */
  addConnectionCount(count: () => Promise<number>): void {
    this.countOtherConnections = count;
  }

  readonly middleware = (_request: Request, response: Response, next: NextFunction): void => {
    response.setHeader(...this.releaseHeader);
    // Without this header, the next request of a kept-alive connection reaches this instance again.
    if (this.isActive) response.setHeader('Connection', 'close');
    next();
  };

  /** True during a drain or a handover: every answer closes its connection. */
  get isActive(): boolean {
    const { drain, handover } = this.drainService;
    return drain !== null || (handover !== null && !handover.isDone);
  }

  /**
   * Waits until no connection is open, at most `HTTP_LINGER_MS`. No request is refused. Closing a kept-alive connection
   * while a request is on its way would fail that request, so each connection may send one more; its answer has
   * `Connection: close`. A connection that is open at the end is idle.
   */
  async drain(): Promise<void> {
    const endMs = performance.now() + this.settings.httpLingerMs;
    while (performance.now() < endMs && (await this.countConnections()) > 0) await sleep(POLL_INTERVAL_MS);
  }

  /** Open connections of both ports. */
  private async countConnections(): Promise<number> {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    const own = await new Promise<number>((resolve) =>
      server.getConnections((error, count) => resolve(error ? 0 : count)),
    );
    return own + (await this.countOtherConnections());
  }
}
