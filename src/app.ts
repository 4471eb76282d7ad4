import type { CorsOptions } from '@nestjs/common/interfaces/external/cors-options.interface.js';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppModule } from './app.module.js';
import {
  ClientAddresses,
  ConnectionLimits,
  HttpAdapter,
  HttpTraffic,
  listen,
  type PinoLogger,
  requestId,
  serveApiPages,
  StalledBodies,
} from './core/index.js';
import type { Settings } from './config/index.js';
import { SocketAdapter, SocketPort } from './gateway/index.js';
import { prepareOldAddresses } from './images/index.js';
import { DrainService, HttpDrain } from './deployment/index.js';

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
    AppModule.with(settings, logger),
    new HttpAdapter(),
    {
      logger,
      abortOnError: false,
      // `RequestBodyInterceptor` reads bodies, after the guards.
      bodyParser: false,
    },
  );
  new StalledBodies(app.getHttpServer(), settings.http.bodyPace).start();
  app.get(ConnectionLimits).apply(app.getHttpServer());
  app.disable('x-powered-by');
  useClientAddresses(app);
  app.set('query parser', 'simple');
  // Disables the hash of every answer; resources with a version set their own ETag.
  app.set('etag', false);
  app.use(app.get(HttpDrain).middleware);
  app.use(requestId);
  app.use(app.get(HttpTraffic).middleware);
  app.use(securityHeaders());
  if (settings.http.corsOrigins.length > 0) app.enableCors(corsOptions(settings.http.corsOrigins));
  app.use(prepareOldAddresses);
  app.useWebSocketAdapter(new SocketAdapter(app));
  serveApiPages(app, settings.release.version);

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

/** For pages of other hosts. The API uses no cookies, so no credentials are allowed. */
function corsOptions(origins: readonly string[]): CorsOptions {
  return {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'Range', 'X-Request-Id'],
    exposedHeaders: ['Content-Disposition', 'ETag', 'Location', 'Retry-After', 'X-Release', 'X-Request-Id'],
    maxAge: 600,
  };
}

/** Express's own `request.ip` keeps the port that some proxies write after the address. */
function useClientAddresses(app: NestExpressApplication): void {
  const addresses = app.get(ClientAddresses);
  const { request } = app.getHttpAdapter().getInstance() as { readonly request: object };
  Object.defineProperty(request, 'ip', {
    get(this: IncomingMessage) {
      return addresses.of(this);
    },
  });
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
