import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SocketPort } from '../../gateway/index.js';
import { isOldRoute } from '../old-routes.js';

/** The old server had one application on both of its ports, and boxes may have either: so have its routes here. */
@Injectable()
export class SocketPortRoutes implements OnModuleInit {
  private readonly seen = new WeakSet<object>();

  constructor(
    private readonly port: SocketPort,
    private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const app =
      this.host.httpAdapter.getInstance<(request: IncomingMessage, response: ServerResponse) => void>();
    this.port.answerPlainWith((request, response) => {
      if (!isOldRoute(request.url ?? '')) return false;
      this.seen.add(request);
      app(request, response);
      return true;
    });
  }

  /** The request came in on the socket port. */
  has(request: object): boolean {
    return this.seen.has(request);
  }
}
