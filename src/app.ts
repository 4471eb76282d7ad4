import type { CorsOptions } from '@nestjs/common/interfaces/external/cors-options.interface.js';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppModule } from './app.module.js';
import {
  ClientAddresses,
  ConnectionLimits,
  HttpAdapter,
  HttpTraffic,
  LeanRoutes,
  listen,
  type PinoLogger,
  requestId,
  SECURITY_HEADERS,
  securityHeaders,
  serveApiPages,
  type ServeLean,
  StalledBodies,
} from './core/index.js';
import type { Settings } from './config/index.js';
import { SocketAdapter, SocketPort } from './gateway/index.js';
import { prepareOldAddresses } from './images/index.js';
import { DrainService, HttpDrain } from './deployment/index.js';

/** Response headers that pages of other hosts may read. */
const EXPOSED_HEADERS = [
  'Content-Disposition',
  'ETag',
  'Location',
  'Retry-After',
  'X-Release',
  'X-Request-Id',
];

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
  const adapter = new HttpAdapter();
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(settings, logger), adapter, {
    logger,
    abortOnError: false,
    // `RequestBodyInterceptor` reads bodies, after the guards.
    bodyParser: false,
  });
  new StalledBodies(app.getHttpServer(), settings.http.bodyPace).start();
  app.get(ConnectionLimits).apply(app.getHttpServer());
  app.disable('x-powered-by');
  useClientAddresses(app);
  app.set('query parser', 'simple');
  // Disables the hash of every answer; resources with a version set their own ETag.
  app.set('etag', false);
  // A header or count that is added here must also be added to `startLeanRoutes`, because lean routes pass no middleware.
  app.use(app.get(HttpDrain).middleware);
  app.use(requestId);
  app.use(app.get(HttpTraffic).middleware);
  app.use(securityHeaders);
  if (settings.http.corsOrigins.length > 0) app.enableCors(corsOptions(settings.http.corsOrigins));
  adapter.serveLean = startLeanRoutes(app, settings);
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

function startLeanRoutes(app: NestExpressApplication, { http }: Settings): ServeLean {
  const drain = app.get(HttpDrain);
  // What CORS sets for a request without `Origin`.
  const corsHeaders = ['Vary', 'Origin', 'Access-Control-Expose-Headers', EXPOSED_HEADERS.join(',')];
  return app.get(LeanRoutes).start({
    headersBefore: drain.releaseHeader,
    headersAfter: [...SECURITY_HEADERS.flat(), ...(http.corsOrigins.length > 0 ? corsHeaders : [])],
    canAnswer: () => !drain.isActive,
  });
}

/** For pages of other hosts. The API uses no cookies, so no credentials are allowed. */
function corsOptions(origins: readonly string[]): CorsOptions {
  return {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'Range', 'X-Request-Id'],
    exposedHeaders: EXPOSED_HEADERS,
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
