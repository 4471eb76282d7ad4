import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SocketPort } from '../../gateway/index.js';
import { isLegacyRoute, markSocketPortRequest } from '../legacy-routes.js';

/** Serves the old server's HTTP routes on the socket port too: it had one application on both ports, and boxes use either. */
@Injectable()
export class SocketPortRoutes implements OnModuleInit {
  constructor(
    private readonly port: SocketPort,
    private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const app =
      this.host.httpAdapter.getInstance<(request: IncomingMessage, response: ServerResponse) => void>();
    this.port.setPlainHttpHandler((request, response) => {
      if (!isLegacyRoute(request.url ?? '')) return false;
      markSocketPortRequest(request);
      app(request, response);
      return true;
    });
  }
}
