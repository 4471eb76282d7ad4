import { Injectable } from '@nestjs/common';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { ProblemFilter } from '../errors/problem.filter.js';
import { ClientAddresses } from './client-addresses.js';
import { HttpTraffic } from './http-traffic.js';
import { JsonBodies } from './json-bodies.js';
import { identify, REQUEST_ID_HEADER } from './request-context.js';

/** `POST <path>` with a JSON body and a bearer token, answered with 200 and JSON. A Nest controller has the same route. */
export interface LeanRoute<Caller> {
  readonly path: string;
  readonly maxBytes: number;
  /** The form of the tokens that this route accepts. */
  readonly isToken: (token: string) => boolean;
  readonly authenticate: (token: string) => Promise<Caller>;
  /** @returns the answer */
  readonly handle: (caller: Caller, body: object) => Promise<object>;
}

/** What all answers of the application have in common. */
export interface CommonAnswer {
  /** Names and values in turn: the headers before and after the request id. */
  readonly headersBefore: readonly string[];
  readonly headersAfter: readonly string[];
  /** False while an answer needs further headers. */
  readonly isComplete: () => boolean;
}

/**
 * Serves the routes with the most requests without Express and Nest, whose layers cost more than the rest of such a request.
 * It takes only plain requests: this path, method and content type, a token of the right form, a body of known length. All
 * others go to Express, which answers them as before. Steps, errors and headers are those of the general path; it runs no
 * request context, because all its log lines get their request id as a field. ADR 15.
 */
@Injectable()
export class LeanRoutes {
  private readonly routes = new Map<string, LeanRoute<unknown>>();
  private common: CommonAnswer | null = null;

  constructor(
    private readonly traffic: HttpTraffic,
    private readonly bodies: JsonBodies,
    private readonly problems: ProblemFilter,
    private readonly addresses: ClientAddresses,
  ) {}

  add<Caller>(route: LeanRoute<Caller>): void {
    this.routes.set(route.path, route as LeanRoute<unknown>);
  }

  /** Until this call all requests take the general path. */
  start(common: CommonAnswer): void {
    this.common = common;
  }

  /** @returns false for a request that takes the general path; it is untouched */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    const route = this.routes.get(request.url ?? '');
    if (!route || request.method !== 'POST' || !this.common?.isComplete()) return false;
    const token = tokenOf(request.headers);
    if (token === null || !route.isToken(token) || !hasPlainBody(request.headers, route.maxBytes))
      return false;
    // Reports a proxy that is not trusted.
    if (request.headers['x-forwarded-for'] !== undefined) this.addresses.of(request);
    void this.answer(route, request, response, token, this.common);
    return true;
  }

  /** Never rejects. */
  private async answer(
    route: LeanRoute<unknown>,
    request: IncomingMessage,
    response: ServerResponse,
    token: string,
    { headersBefore, headersAfter }: CommonAnswer,
  ): Promise<void> {
    this.traffic.observe(request, response, () => route.path);
    const headers = [...headersBefore, REQUEST_ID_HEADER, identify(request), ...headersAfter];
    let caller: unknown = null;
    try {
      caller = await route.authenticate(token);
      // A small body has arrived by now: Node emits the request before it reads the rest of the same chunk.
      const reading = this.bodies.read(request, route.maxBytes, token);
      const answer = JSON.stringify(
        await route.handle(caller, reading instanceof Promise ? await reading : reading),
      );
      headers.push(
        'Content-Type',
        'application/json; charset=utf-8',
        'Content-Length',
        String(Buffer.byteLength(answer)),
      );
      response.writeHead(200, headers).end(answer);
    } catch (error) {
      if (!response.headersSent)
        for (let n = 0; n < headers.length; n += 2)
          response.setHeader(headers[n] as string, headers[n + 1] as string);
      this.problems.answer(error, request, response, caller);
    }
  }
}

/** The token of exactly `Authorization: Bearer <token>`. */
function tokenOf({ authorization }: IncomingHttpHeaders): string | null {
  return authorization?.startsWith('Bearer ') ? authorization.slice('Bearer '.length) : null;
}

/** JSON of known length, not encoded. `Origin`: CORS adds headers to the answer. */
function hasPlainBody(headers: IncomingHttpHeaders, maxBytes: number): boolean {
  const { 'content-type': type, 'content-length': length } = headers;
  if (type !== 'application/json' && type !== 'application/json; charset=utf-8') return false;
  const bytes = Number(length);
  return (
    bytes > 0 &&
    bytes <= maxBytes &&
    headers['content-encoding'] === undefined &&
    headers['transfer-encoding'] === undefined &&
    headers.expect === undefined &&
    headers.origin === undefined
  );
}
