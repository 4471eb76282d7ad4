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
} from './core/index.js';
import type { Settings } from './config/index.js';
import { SocketAdapter, SocketPort } from './gateway/index.js';
import { rejectUndecodableAddresses } from './images/index.js';
import { hasLegacyBody } from './legacy/index.js';
import { DrainService, HttpDrain } from './deployment/index.js';

/** 500 positions with full attributes stay under it. */
const BODY_LIMIT = '2mb';

/** Both ports, open. */
export interface RunningService {
  readonly httpPort: number;
  readonly socketPort: number;
  readonly app: NestExpressApplication;
  /** Lets go of everybody, finishes what was taken in, closes. Resolves when all of it is done. */
  stop(): Promise<void>;
}

/** What `main` and the tests share: the whole service, from settings to open ports. */
export async function startService(settings: Settings, logger: PinoLogger): Promise<RunningService> {
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.with(settings, logger.level),
    new HttpAdapter(),
    {
      logger,
      abortOnError: false,
      // JSON everywhere: Nest's own parsers would take forms too.
      bodyParser: false,
    },
  );
  app.disable('x-powered-by');
  app.set('trust proxy', [...settings.http.trustProxy]);
  app.set('query parser', 'simple');
  // A hash over every answer is work that no client asked for; what has a version says so itself.
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
    // Not `app.listen`: it logs what fails, and a taken port is to be one line.
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

/** Not what the old server's boxes send: broken JSON of theirs is answered in their way. */
function isApiJson(request: IncomingMessage): boolean {
  return !hasLegacyBody(request.url ?? '') && Boolean((request as Request).is('json'));
}

/** Readiness ends first, then the sockets go, then the HTTP calls under way, and the database last. */
async function stop(app: NestExpressApplication): Promise<void> {
  await app.get(DrainService).beginDrain();
  await app.close();
  // One turn, for the last lines of the log.
  await sleep(0);
}

/**
 * Helmet's defaults, and for the documentation page alone what Swagger UI needs to run. HSTS and the upgrade to https
 * are the proxy's to say: behind it are devices that speak plain http.
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
