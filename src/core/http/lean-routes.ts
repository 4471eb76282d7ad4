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
  /**
   * The parameters of the query and what their values must match as they are in the address; no pattern matches `%` or `+`. A
   * request with any other query takes the general path, also one with an error.
   */
  readonly query?: Readonly<Record<string, RegExp>>;
  /** The parameters that must be there. */
  readonly requiredQuery?: readonly string[];
  /** Who may call it; absent for a public route. */
  readonly access?: {
    /** The form of the tokens that it accepts; false for every other token that the general path may accept. */
    readonly isToken: (token: string) => boolean;
    readonly authenticate: (token: string) => Promise<Caller>;
  };
  /**
   * @param input the parsed body of a POST; the parameters of a route with a query by name; the id in the path of another GET,
   *   an empty text without one
   */
  readonly handle: (input: unknown, caller: Caller) => LeanAnswer | Promise<LeanAnswer>;
}

export interface LeanAnswer {
  /** Default 200. */
  readonly status?: number;
  /** Names and values in turn. */
  readonly headers?: readonly string[];
  /** A text is JSON already. */
  readonly body: object | string;
}

/** What all answers of the application have in common. */
export interface CommonAnswer {
  /** Names and values in turn: the headers before and after the request id. */
  readonly headersBefore: readonly string[];
  readonly headersAfter: readonly string[];
  /** False while answers need further headers (drain, handover). */
  readonly canAnswer: () => boolean;
}

/** The parameters of a query, as in the address. */
export type LeanQuery = Readonly<Partial<Record<string, string>>>;

export type ServeLean = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A request that is served here. */
interface LeanCall {
  readonly route: LeanRoute<unknown>;
  /** The id in the path, or the parameters of the query. */
  readonly input: string | LeanQuery;
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
    const queryStart = url.indexOf('?');
    const id = queryStart < 0 ? (/\/([0-9a-f]{24})$/.exec(url)?.[1] ?? '') : '';
    const path = queryStart < 0 ? url.slice(0, url.length - id.length) : url.slice(0, queryStart);
    const route = this.routes.get(`${method} ${path}${id && ':id'}`);
    if (!route) return null;
    const { access, maxBytes, query } = route;
    const input = query ? queryOf(url, queryStart, route) : queryStart < 0 ? id : null;
    if (input === null) return null;
    const isPlain = maxBytes === undefined ? isPlainGet(headers) : hasJsonBody(headers, maxBytes);
    if (!isPlain || headers.origin !== undefined || headers.expect !== undefined) return null;
    if (!access) return { route, input, token: null };
    const token = tokenOf(headers);
    return token !== null && access.isToken(token) ? { route, input, token } : null;
  }

  /** Never rejects. */
  private async answer(
    { route, input: inAddress, token }: LeanCall,
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
      const input = maxBytes === undefined ? inAddress : await this.bodies.read(request, maxBytes, token);
      const answer = await route.handle(input, caller);
      const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
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

/**
 * @param start index of the question mark in the address; negative: there is none
 * @returns null when a parameter is unknown, repeated or missing, or its value does not match
 */
function queryOf(
  url: string,
  start: number,
  { query: patterns = {}, requiredQuery = [] }: LeanRoute<unknown>,
): LeanQuery | null {
  const values: Partial<Record<string, string>> = {};
  const pairs = start < 0 ? [] : url.slice(start + 1).split('&');
  for (const pair of pairs) {
    const end = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, end));
    const value = pair.slice(end + 1);
    const isPlain = Object.hasOwn(patterns, name) && patterns[name]?.test(value);
    if (!isPlain || values[name] !== undefined) return null;
    values[name] = value;
  }
  return requiredQuery.every((name) => values[name] !== undefined) ? values : null;
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
