import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SocketPort } from '../../gateway/index.js';
import { isLegacyRoute } from '../legacy-routes.js';

/** The old server had one application on both of its ports, and boxes may have either: so have its routes here. */
@Injectable()
export class SocketPortRoutes implements OnModuleInit {
  private readonly socketPortRequests = new WeakSet<object>();

  constructor(
    private readonly port: SocketPort,
    private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const app =
      this.host.httpAdapter.getInstance<(request: IncomingMessage, response: ServerResponse) => void>();
    this.port.setPlainHttpHandler((request, response) => {
      if (!isLegacyRoute(request.url ?? '')) return false;
      this.socketPortRequests.add(request);
      app(request, response);
      return true;
    });
  }

  /** The request came in on the socket port. */
  has(request: object): boolean {
    return this.socketPortRequests.has(request);
  }
}
