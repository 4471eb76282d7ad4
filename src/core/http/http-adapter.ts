import { ExpressAdapter } from '@nestjs/platform-express';
import { createServer } from 'node:http';
import { answerMalformedRequests, HTTP_SERVER_OPTIONS } from './http-server.js';

const IDLE_CHECK_MS = 50;
/** Under the default of DRAIN_TIMEOUT_S, which ends the process whatever is still open. */
const CLOSE_TIMEOUT_MS = 15_000;

/** Nest makes its HTTP server without options; the time-outs' clock can only be set when it is made. */
export class HttpAdapter extends ExpressAdapter {
  override initHttpServer(): void {
    this.httpServer = createServer(HTTP_SERVER_OPTIONS, this.getInstance());
    answerMalformedRequests(this.httpServer);
  }

  /**
   * What is under way is finished and answered; kept-alive connections end as soon as they are idle, because `close`
   * alone would wait for those who hold them.
   */
  override async close(): Promise<void> {
    const idle = setInterval(() => this.httpServer.closeIdleConnections(), IDLE_CHECK_MS);
    const forceCloseTimer = setTimeout(() => this.httpServer.closeAllConnections(), CLOSE_TIMEOUT_MS);
    await super.close();
    clearInterval(idle);
    clearTimeout(forceCloseTimer);
  }
}
