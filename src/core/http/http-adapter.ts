import { ExpressAdapter } from '@nestjs/platform-express';
import { createServer, type RequestListener } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { DomainError } from '../errors/domain-error.js';
import { acceptAbsoluteTargets, answerMalformedRequests, HTTP_SERVER_OPTIONS } from './http-server.js';
import type { ServeLean } from './lean-routes.js';

const IDLE_CHECK_MS = 50;
/** The old server answered 404 to every other method of its routes, so they are left out. */
const PATHS_WITH_METHODS = /^\/(?:api\/v1\/|health$|ready$|metrics$|uploads\/|docs\/asyncapi)/;
/** With the 8 s of the socket port less than the default of DRAIN_TIMEOUT_S, after which the process ends. */
const CLOSE_TIMEOUT_MS = 12_000;

/** What Express keeps of a route. */
interface Layer {
  readonly route?: { readonly methods: Readonly<Record<string, boolean>> };
  match(path: string): boolean;
}

/** Creates the HTTP server with options: Nest passes none, and the check interval of timeouts is set only at creation. */
export class HttpAdapter extends ExpressAdapter {
  /** Gets every request before Express. */
  serveLean: ServeLean | null = null;

  override initHttpServer(): void {
    const express = this.getInstance<RequestListener>();
    this.httpServer = createServer(HTTP_SERVER_OPTIONS, (request, response) => {
      if (!this.serveLean?.(request, response)) express(request, response);
    });
    answerMalformedRequests(this.httpServer);
    acceptAbsoluteTargets(this.httpServer);
  }

  /** Answers 405 before Nest answers 404, when the path exists with other methods. */
  override setNotFoundHandler(handler: () => unknown, prefix?: string): unknown {
    this.use((request: Request, response: Response, next: NextFunction) => {
      const allowed = this.methodsOf(request.path);
      if (allowed.length === 0) return next();
      response.setHeader('Allow', allowed.join(', '));
      next(
        new DomainError(
          'http/method-not-allowed',
          `${request.path} does not support ${request.method}; use ${allowed.join(' or ')}.`,
        ),
      );
    });
    return super.setNotFoundHandler(handler, prefix);
  }

  private methodsOf(path: string): string[] {
    if (!PATHS_WITH_METHODS.test(path)) return [];
    const { router } = this.getInstance<{ readonly router: { readonly stack: readonly Layer[] } }>();
    const methods = router.stack
      .filter((layer) => layer.route && layer.match(path))
      .flatMap((layer) => Object.keys(layer.route?.methods ?? {}));
    return [...new Set(methods)].filter((name) => name !== '_all').map((name) => name.toUpperCase());
  }

  /**
   * Waits for the requests in progress. Closes kept-alive connections as soon as they are idle; `close` alone waits for
   * the clients to close them. Closes all connections after 12 s.
   */
  override async close(): Promise<void> {
    const idle = setInterval(() => this.httpServer.closeIdleConnections(), IDLE_CHECK_MS);
    const forceCloseTimer = setTimeout(() => this.httpServer.closeAllConnections(), CLOSE_TIMEOUT_MS);
    await super.close();
    clearInterval(idle);
    clearTimeout(forceCloseTimer);
  }
}
