import { ExpressAdapter } from '@nestjs/platform-express';
import { createServer } from 'node:http';
import { acceptAbsoluteTargets, answerMalformedRequests, HTTP_SERVER_OPTIONS } from './http-server.js';

const IDLE_CHECK_MS = 50;
/** Less than the default of DRAIN_TIMEOUT_S, after which the process ends. */
const CLOSE_TIMEOUT_MS = 15_000;

/** Creates the HTTP server with options: Nest passes none, and the check interval of timeouts is set only at creation. */
export class HttpAdapter extends ExpressAdapter {
  override initHttpServer(): void {
    this.httpServer = createServer(HTTP_SERVER_OPTIONS, this.getInstance());
    answerMalformedRequests(this.httpServer);
    acceptAbsoluteTargets(this.httpServer);
  }

  /**
   * Waits for the requests in progress. Closes kept-alive connections as soon as they are idle; `close` alone waits for
   * the clients to close them. Closes all connections after 15 s.
   */
  override async close(): Promise<void> {
    const idle = setInterval(() => this.httpServer.closeIdleConnections(), IDLE_CHECK_MS);
    const forceCloseTimer = setTimeout(() => this.httpServer.closeAllConnections(), CLOSE_TIMEOUT_MS);
    await super.close();
    clearInterval(idle);
    clearTimeout(forceCloseTimer);
  }
}
