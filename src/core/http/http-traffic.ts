import { Injectable, Logger } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SlidingWindowHistogram } from '../metrics/sliding-window-histogram.js';
import { Metrics } from '../metrics/metrics.js';
import { PinoLogger } from '../logging/pino-logger.js';
import { requestIdOf } from './request-context.js';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Requests of monitoring, every few seconds: not part of the last-minute figures, and logged at level debug only. */
const PROBES = new Set(['/health', '/ready', '/metrics']);
const UNMATCHED = 'unmatched';
/** The client closed the connection before the answer was complete. */
const ABORTED = 'aborted';
/** Fine up to the p95 of the old server (4 ms); the last bound is above every time limit of the database. */
const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts, measures and logs every HTTP request, by the pattern of its route and never by its path. */
@Injectable()
export class HttpTraffic {
  private readonly logger = new Logger('HTTP');
  private readonly lastMinute = new SlidingWindowHistogram();
  private inFlightCount = 0;
  /** Of the requests that ended in this turn of the event loop. */
  private lines: object[] = [];

  private readonly requests;
  private readonly durations;

  constructor(
    metrics: Metrics,
    private readonly log: PinoLogger,
  ) {
    this.requests = metrics.counter({
      name: 'samserver_http_requests_total',
      help: 'Completed HTTP requests by route pattern and status; "aborted": the client closed the connection first.',
      labelNames: ['method', 'route', 'status'],
    });
    this.durations = metrics.histogram({
      name: 'samserver_http_request_duration_seconds',
      help: 'Time from the start of a request to the last byte of its answer.',
      labelNames: ['method', 'route'],
      buckets: DURATION_BUCKETS_S,
    });
    metrics.gauge({
      name: 'samserver_http_requests_in_flight',
      help: 'HTTP requests in progress, this scrape included.',
      collect: (gauge) => gauge.set(this.inFlight),
    });
    this.describeLastMinute(metrics);
  }

  /** Requests in progress. */
  get inFlight(): number {
    return this.inFlightCount;
  }

  /** Must come before every middleware that can answer. */
  readonly middleware = (request: Request, response: Response, next: NextFunction): void => {
    this.observe(request, response, routeOf);
    next();
  };

  /**
   * Counts, measures and logs a request when its answer ends. Lean routes, which pass no middleware, call it themselves.
   * @param routeOf gives the pattern of its route; called when it is answered
   */
  observe<T extends IncomingMessage>(
    request: T,
    response: ServerResponse,
    routeOf: (request: T) => string,
  ): void {
    const startMs = performance.now();
    this.inFlightCount += 1;
    // A broken connection emits `close` without `finish`.
    response.once('close', () => {
      this.inFlightCount -= 1;
      this.record(request, response, routeOf(request), performance.now() - startMs);
    });
  }

  private record(
    request: IncomingMessage,
    response: ServerResponse,
    route: string,
    durationMs: number,
  ): void {
    const method = METHODS.has(request.method ?? '') ? (request.method as string) : 'other';
    // One of the two can be true alone: a truncated answer, or a truncated request that got an answer.
    const isAborted = !response.writableFinished || request.errored !== null;
    const status = isAborted ? ABORTED : String(response.statusCode);
    this.requests.inc({ method, route, status });
    this.durations.observe({ method, route }, durationMs / 1_000);
    const isProbe = PROBES.has(route);
    if (!isProbe) this.lastMinute.add(durationMs);
    const line = { requestId: requestIdOf(request), method, route, status, ms: Math.round(durationMs) };
    if (isProbe) this.logger.debug(line, 'request');
    else this.logWithTurn(line);
  }

  /** Writes the lines of one turn of the event loop together: all requests of a group commit end in one turn. */
  private logWithTurn(line: object): void {
    if (this.lines.push(line) > 1) return;
    setImmediate(() => {
      const { lines } = this;
      this.lines = [];
      this.log.writeTogether(() => {
        for (const each of lines) this.logger.log(each, 'request');
      });
    });
  }

  private describeLastMinute(metrics: Metrics): void {
    const what = 'in the last 60 s, without /health, /ready and /metrics';
    metrics.gauge({
      name: 'samserver_http_last_minute_requests',
      help: `HTTP requests completed ${what}: requests per minute.`,
      collect: (gauge) => gauge.set(this.lastMinute.summary().count),
    });
    metrics.gauge({
      name: 'samserver_http_last_minute_mean_seconds',
      help: `Mean duration of HTTP requests completed ${what}; NaN without requests.`,
      collect: (gauge) => gauge.set(this.lastMinute.summary().meanMs / 1_000),
    });
    metrics.gauge({
      name: 'samserver_http_last_minute_p95_seconds',
      help: `95th percentile of the duration of HTTP requests completed ${what}; error at most 5 %; NaN without requests.`,
      collect: (gauge) => gauge.set(this.lastMinute.summary().p95Ms / 1_000),
    });
  }
}

/** The pattern that Express matched, such as `/api/v1/vehicles/:id`: the number of values is the number of routes. */
function routeOf(request: Request): string {
  const route = request.route as { readonly path?: unknown } | undefined;
  return typeof route?.path === 'string' ? route.path : UNMATCHED;
}
