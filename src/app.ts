import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SwaggerModule } from '@nestjs/swagger';
import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppModule } from './app.module.js';
import {
  createApiDocument,
  HttpAdapter,
  HttpTraffic,
  listen,
  type PinoLogger,
  requestId,
  StalledBodies,
} from './core/index.js';
import type { Settings } from './config/index.js';
import { SocketAdapter, SocketPort } from './gateway/index.js';
import { rejectUndecodableAddresses } from './images/index.js';
import { hasLegacyBody } from './legacy/index.js';
import { DrainService, HttpDrain } from './deployment/index.js';

/** Enough for 500 positions with attributes of full size. */
const BODY_LIMIT = '2mb';

/** The running service; both ports are open. */
export interface RunningService {
  readonly httpPort: number;
  readonly socketPort: number;
  readonly app: NestExpressApplication;
  /** Drains and closes: disconnects all clients and completes all accepted work. Resolves when that is done. */
  stop(): Promise<void>;
}

/** Starts the whole service, from settings to open ports. Used by `main` and by the tests. */
export async function startService(settings: Settings, logger: PinoLogger): Promise<RunningService> {
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.with(settings, logger.level),
    new HttpAdapter(),
    {
      logger,
      abortOnError: false,
      // Only JSON is accepted; Nest's default parsers also accept forms.
      bodyParser: false,
    },
  );
  new StalledBodies(app.getHttpServer(), settings.http.bodyPace).start();
  app.disable('x-powered-by');
  app.set('trust proxy', [...settings.http.trustProxy]);
  app.set('query parser', 'simple');
  // Disables the hash of every answer; resources with a version set their own ETag.
  app.set('etag', false);
  app.use(app.get(HttpDrain).middleware);
  app.use(requestId);
  app.use(app.get(HttpTraffic).middleware);
  app.use(securityHeaders());
  app.use(rejectUndecodableAddresses);
  app.useBodyParser('json', { limit: BODY_LIMIT, type: isApiJson });
  app.useWebSocketAdapter(new SocketAdapter(app));
  SwaggerModule.setup('docs', app, () => createApiDocument(app, settings.release.version), {
    jsonDocumentUrl: 'docs-json',
  });

  const sockets = app.get(SocketPort);
  try {
    await sockets.listen();
    // Not `app.listen`: it logs the error with its stack; a port in use must give one line.
    await app.init();
    await listen(app.getHttpServer(), settings.http.port, settings.http.host);
  } catch (error) {
    await app.close().catch(() => undefined);
    throw error;
  }
  return {
    app,
    httpPort: (app.getHttpServer().address() as { port: number }).port,
    socketPort: sockets.port,
    stop: () => stop(app),
  };
}

/** Excludes requests of the old server's boxes: malformed JSON from them gets an answer in the old format. */
function isApiJson(request: IncomingMessage): boolean {
  return !hasLegacyBody(request.url ?? '') && Boolean((request as Request).is('json'));
}

/** Order: readiness, sockets, HTTP requests in progress, database. */
async function stop(app: NestExpressApplication): Promise<void> {
  await app.get(DrainService).beginDrain();
  await app.close();
  // One turn of the event loop, so that the last log lines are written.
  await sleep(0);
}

/**
 * The defaults of Helmet; the documentation page also gets what Swagger UI needs. HSTS and the upgrade to https are left to
 * the proxy, because some devices use plain http.
 */
function securityHeaders(): (request: Request, response: Response, next: NextFunction) => void {
  const withSources = (inline: readonly string[]): ReturnType<typeof helmet> =>
    helmet({
      strictTransportSecurity: false,
      contentSecurityPolicy: {
        directives: {
          scriptSrc: ["'self'", ...inline],
          styleSrc: ["'self'", ...inline],
          upgradeInsecureRequests: null,
        },
      },
    });
  const strict = withSources([]);
  const forDocs = withSources(["'unsafe-inline'"]);
  return (request, response, next) =>
    request.path === '/docs' || request.path.startsWith('/docs/')
      ? forDocs(request, response, next)
      : strict(request, response, next);
}
