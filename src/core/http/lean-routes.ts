import { Injectable } from '@nestjs/common';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { ProblemFilter } from '../errors/problem.filter.js';
import { ClientAddresses } from './client-addresses.js';
import { HttpTraffic } from './http-traffic.js';
import { JsonBodies } from './json-bodies.js';
import { identify, REQUEST_ID_HEADER } from './request-context.js';

/** A longer token is never valid. Characters. */
export const MAX_TOKEN_LENGTH = 2_048;

/** A route that a Nest controller has too. */
export interface LeanRoute<Caller> {
  readonly method: 'GET' | 'POST';
  /** Exact, or with an id at its end: `/api/v1/vehicles/:id`. */
  readonly path: string;
  /** Largest JSON body; a route without it takes no body. */
  readonly maxBytes?: number;
  /** Who may call it; absent for a public route. */
  readonly access?: {
    /** The form of the tokens that it accepts; false for every other token that the general path may accept. */
    readonly isToken: (token: string) => boolean;
    readonly authenticate: (token: string) => Promise<Caller>;
  };
  /** @param input the parsed body of a POST; the id in the path of a GET, an empty text without one */
  readonly handle: (input: unknown, caller: Caller) => LeanAnswer | Promise<LeanAnswer>;
}

export interface LeanAnswer {
  /** Default 200. */
  readonly status?: number;
  /** Names and values in turn. */
  readonly headers?: readonly string[];
  readonly body: object;
}

/** What all answers of the application have in common. */
export interface CommonAnswer {
  /** Names and values in turn: the headers before and after the request id. */
  readonly headersBefore: readonly string[];
  readonly headersAfter: readonly string[];
  /** False while answers need further headers (drain, handover). */
  readonly canAnswer: () => boolean;
}

export type ServeLean = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A request that is served here. */
interface LeanCall {
  readonly route: LeanRoute<unknown>;
  readonly id: string;
  /** Not verified; null on a public route. */
  readonly token: string | null;
}

/**
 * Serves the routes with the most requests without Express and Nest, whose layers cost more than the rest of such a request.
 * It takes only plain requests and leaves all others to Express. Steps, errors and headers are those of the general path. It
 * runs no request context, because all its log lines get their request id as a field. ADR 15.
 */
@Injectable()
export class LeanRoutes {
  private readonly routes = new Map<string, LeanRoute<unknown>>();

  constructor(
    private readonly traffic: HttpTraffic,
    private readonly bodies: JsonBodies,
    private readonly problems: ProblemFilter,
    private readonly addresses: ClientAddresses,
  ) {}

  add<Caller>(route: LeanRoute<Caller>): void {
    this.routes.set(`${route.method} ${route.path}`, route as LeanRoute<unknown>);
  }

  /** @returns a function that serves a request, or returns false for one that takes the general path and is untouched */
  start(common: CommonAnswer): ServeLean {
    return (request, response) => {
      const call = common.canAnswer() ? this.callOf(request) : null;
      if (call === null) return false;
      // Reports a proxy that is not trusted.
      if (request.headers['x-forwarded-for'] !== undefined) this.addresses.of(request);
      void this.answer(call, request, response, common);
      return true;
    };
  }

  /** @returns null when this is no plain request for a lean route */
  private callOf({ method = '', url = '', headers }: IncomingMessage): LeanCall | null {
    const id = /\/([0-9a-f]{24})$/.exec(url)?.[1] ?? '';
    const path = id === '' ? url : `${url.slice(0, -id.length)}:id`;
    const route = this.routes.get(`${method} ${path}`);
    if (!route) return null;
    const { access, maxBytes } = route;
    const isPlain = maxBytes === undefined ? isPlainGet(headers) : hasJsonBody(headers, maxBytes);
    if (!isPlain || headers.origin !== undefined || headers.expect !== undefined) return null;
    if (!access) return { route, id, token: null };
    const token = tokenOf(headers);
    return token !== null && access.isToken(token) ? { route, id, token } : null;
  }

  /** Never rejects. */
  private async answer(
    { route, id, token }: LeanCall,
    request: IncomingMessage,
    response: ServerResponse,
    { headersBefore, headersAfter }: CommonAnswer,
  ): Promise<void> {
    this.traffic.observe(request, response, () => route.path);
    const headers = [...headersBefore, REQUEST_ID_HEADER, identify(request), ...headersAfter];
    let caller: unknown = null;
    try {
      if (token !== null) caller = await route.access?.authenticate(token);
      const { maxBytes } = route;
      const input = maxBytes === undefined ? id : await this.bodies.read(request, maxBytes, token);
      const answer = await route.handle(input, caller);
      const body = JSON.stringify(answer.body);
      if (answer.headers) headers.push(...answer.headers);
      headers.push('Content-Type', 'application/json; charset=utf-8');
      headers.push('Content-Length', String(Buffer.byteLength(body)));
      response.writeHead(answer.status ?? 200, headers).end(body);
    } catch (error) {
      setHeaders(response, headers);
      this.problems.answer(error, request, response, caller);
    }
  }
}

/** The token of exactly `Authorization: Bearer <token>`; null also for one that is too long. */
function tokenOf({ authorization }: IncomingHttpHeaders): string | null {
  const token = authorization?.startsWith('Bearer ') ? authorization.slice('Bearer '.length) : null;
  return token !== null && token.length <= MAX_TOKEN_LENGTH ? token : null;
}

/** No body, and no condition: the answer is always the whole resource. */
function isPlainGet(headers: IncomingHttpHeaders): boolean {
  return (
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined &&
    headers['if-none-match'] === undefined &&
    headers['if-modified-since'] === undefined
  );
}

/** JSON of known length, without an encoding. */
function hasJsonBody(headers: IncomingHttpHeaders, maxBytes: number): boolean {
  const type = headers['content-type'];
  const bytes = Number(headers['content-length']);
  return (
    (type === 'application/json' || type === 'application/json; charset=utf-8') &&
    bytes > 0 &&
    bytes <= maxBytes &&
    headers['content-encoding'] === undefined &&
    headers['transfer-encoding'] === undefined
  );
}

function setHeaders(response: ServerResponse, headers: readonly string[]): void {
  if (response.headersSent) return;
  for (let n = 0; n < headers.length; n += 2)
    response.setHeader(headers[n] as string, headers[n + 1] as string);
}
