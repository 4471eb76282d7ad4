import { Injectable, Logger } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { SlidingWindowHistogram } from '../metrics/sliding-window-histogram.js';
import { Metrics } from '../metrics/metrics.js';
import { requestIdOf } from './request-id.js';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** They come every few seconds from machines: counted apart, and no line in the log that anybody would read. */
const PROBES = new Set(['/health', '/ready', '/metrics']);
const UNMATCHED = 'unmatched';
/** The caller went before he had his answer. */
const ABORTED = 'aborted';
/** The old server's p95 was 4 ms, so the fine ones are below; the last is over every time-out of the database. */
const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts, times and writes down every HTTP request, by the pattern of its route and never by its path. */
@Injectable()
export class HttpTraffic {
  private readonly logger = new Logger('HTTP');
  private readonly lastMinute = new SlidingWindowHistogram();
  private inFlightCount = 0;

  private readonly requests;
  private readonly durations;

  constructor(metrics: Metrics) {
    this.requests = metrics.counter({
      name: 'samserver_http_requests_total',
      help: 'HTTP requests that have ended, by route pattern and status; "aborted" means that the caller went first.',
      labelNames: ['method', 'route', 'status'],
    });
    this.durations = metrics.histogram({
      name: 'samserver_http_request_duration_seconds',
      help: 'Time from the first byte of a request taken up to the last byte of its answer handed over.',
      labelNames: ['method', 'route'],
      buckets: DURATION_BUCKETS_S,
    });
    metrics.gauge({
      name: 'samserver_http_requests_in_flight',
      help: 'HTTP requests that are being answered just now, this scrape included.',
      collect: (gauge) => gauge.set(this.inFlight),
    });
    this.describeLastMinute(metrics);
  }

  /** Requests that are not answered yet. */
  get inFlight(): number {
    return this.inFlightCount;
  }

  /** Middleware; before everything that may answer. */
  readonly middleware = (request: Request, response: Response, next: NextFunction): void => {
    const startMs = performance.now();
    this.inFlightCount += 1;
    // Comes after `finish`, and alone when the connection broke.
    response.once('close', () => {
      this.inFlightCount -= 1;
      this.ended(request, response, performance.now() - startMs);
    });
    next();
  };

  private ended(request: Request, response: Response, durationMs: number): void {
    const method = METHODS.has(request.method) ? request.method : 'other';
    const route = routeOf(request);
    // Either may come alone: an answer that was cut, and a request that was, whose answer then went nowhere.
    const isAborted = !response.writableFinished || request.errored !== null;
    const status = isAborted ? ABORTED : String(response.statusCode);
    this.requests.inc({ method, route, status });
    this.durations.observe({ method, route }, durationMs / 1_000);
    const isProbe = PROBES.has(route);
    if (!isProbe) this.lastMinute.add(durationMs);
    const line = { requestId: requestIdOf(request), method, route, status, ms: Math.round(durationMs) };
    if (isProbe) this.logger.debug(line, 'request');
    else this.logger.log(line, 'request');
  }

  private describeLastMinute(metrics: Metrics): void {
    const what = 'in the last 60 s, without /health, /ready and /metrics';
    metrics.gauge({
      name: 'samserver_http_last_minute_requests',
      help: `HTTP requests that ended ${what}: requests per minute.`,
      collect: (gauge) => gauge.set(this.lastMinute.summary().count),
    });
    metrics.gauge({
      name: 'samserver_http_last_minute_mean_seconds',
      help: `Mean duration of HTTP requests that ended ${what}; NaN when there was none.`,
      collect: (gauge) => gauge.set(this.lastMinute.summary().meanMs / 1_000),
    });
    metrics.gauge({
      name: 'samserver_http_last_minute_p95_seconds',
      help: `95 of 100 HTTP requests that ended ${what} were faster; at most 5 % off; NaN when there was none.`,
      collect: (gauge) => gauge.set(this.lastMinute.summary().p95Ms / 1_000),
    });
  }
}

/** `/api/v1/vehicles/:id`, as Express matched it: as many as there are routes, whatever is asked for. */
function routeOf(request: Request): string {
  const route = request.route as { readonly path?: unknown } | undefined;
  return typeof route?.path === 'string' ? route.path : UNMATCHED;
}
