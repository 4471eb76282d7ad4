import {
  type CallHandler,
  type CustomDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import type { Observable } from 'rxjs';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DomainError } from '../errors/domain-error.js';
import { InFlightBytes, type BytesHold } from '../limits/in-flight-bytes.js';
import { type SharedRate, SharedRates } from '../limits/shared-rates.js';
import { ClientAddresses } from './client-addresses.js';
import { parseJsonBody } from './json-body.js';
import {
  announcedBytes,
  arrivedBytes,
  bodyTooLarge,
  hasBody,
  readBytes,
  UnreadableBodyError,
} from './request-body.js';
import { currentRequest } from './request-context.js';

const BODY_RULE = 'samserver:body';
type BodyRule = { readonly maxBytes: number } | 'own reader';

/** More than twice the largest body of a route without `@MaxBodyBytes`. */
const DEFAULT_MAX_BYTES = 16_384;
/** A smaller body costs less than the request around it, so it takes nothing from the rate. */
const FREE_BYTES = 2_048;
/** What a handler that reads its body itself holds at most: form parser, fields and one chunk of a file. */
const OWN_READER_BYTES = 65_536;
const BURST_S = 4;
const RETRY_AFTER_MS = 2_000;

/** The route accepts a JSON body of this size; the default is 16 kB. */
export const MaxBodyBytes = (maxBytes: number): CustomDecorator =>
  SetMetadata(BODY_RULE, { maxBytes } satisfies BodyRule);

/** Marks a route that reads its body itself, such as an upload. */
export const AcceptsNonJsonBody = (): CustomDecorator =>
  SetMetadata(BODY_RULE, 'own reader' satisfies BodyRule);

/**
 * Reads and parses JSON bodies. An interceptor runs after the guards: a caller without access costs no parsing, and gets the
 * access error. Bodies are never inflated, because 2 kB of gzip can hold 2 MB. What a caller can make the service hold and
 * parse is bounded; a caller is a token, or a network without one.
 */
@Injectable()
export class RequestBodyInterceptor implements NestInterceptor {
  private readonly parsedBytes: SharedRate;

  constructor(
    private readonly reflector: Reflector,
    private readonly bytes: InFlightBytes,
    private readonly addresses: ClientAddresses,
    rates: SharedRates,
    @Inject(SETTINGS) { limits }: Pick<Settings, 'limits'>,
  ) {
    this.parsedBytes = rates.add('json-bytes', limits.jsonBytesPerS * BURST_S, limits.jsonBytesPerS);
  }

  intercept(
    context: ExecutionContext,
    next: CallHandler,
  ): Observable<unknown> | Promise<Observable<unknown>> {
    if (context.getType() !== 'http') return next.handle();
    const request = context.switchToHttp().getRequest<Request>();
    if (!takesBody(request) || !hasBody(request)) return next.handle();
    assertNotEncoded(request);
    const rule = this.reflector.get<BodyRule | undefined>(BODY_RULE, context.getHandler());
    if (rule === 'own reader') {
      this.holdUntilAnswered(request);
      return next.handle();
    }
    assertJson(request);
    const maxBytes = rule?.maxBytes ?? DEFAULT_MAX_BYTES;
    const arrived = arrivedBytes(request);
    if (arrived === null) return this.read(request, maxBytes).then(() => next.handle());
    if (arrived.length > maxBytes) throw bodyTooLarge(maxBytes);
    this.limitRate(request, arrived.length);
    request.body = parseJsonBody(arrived);
    return next.handle();
  }

  private async read(request: Request, maxBytes: number): Promise<void> {
    const announced = announcedBytes(request);
    if (announced > maxBytes) throw bodyTooLarge(maxBytes);
    this.limitRate(request, announced);
    const hold = this.open(request);
    try {
      const body = await readBytes(request, maxBytes, (bytes) => (hold.add(bytes) ? null : tooManyBodies()));
      if (announced === 0) this.limitRate(request, body.length);
      request.body = parseJsonBody(body);
    } finally {
      hold.release();
    }
  }

  /** Counts the largest size that the handler can hold: it reads the body itself, at the speed of the client. */
  private holdUntilAnswered(request: Request): void {
    const hold = this.open(request);
    if (!hold.add(Math.min(announcedBytes(request) || OWN_READER_BYTES, OWN_READER_BYTES)))
      throw tooManyBodies();
    request.res?.once('close', () => hold.release());
  }

  private open(request: Request): BytesHold {
    const token = tokenOf(request);
    const hold = this.bytes.open(token ?? this.addresses.networkOf(request), () => request.destroy());
    if (token !== null) hold.identify(token);
    return hold;
  }

  /** @throws http/too-many-bytes */
  private limitRate(request: Request, bytes: number): void {
    if (bytes <= FREE_BYTES) return;
    const caller = tokenOf(request) ?? this.addresses.networkOf(request);
    const retryAfterMs = this.parsedBytes.take(caller, bytes);
    if (retryAfterMs === 0) return;
    throw new DomainError(
      'http/too-many-bytes',
      'This caller sends more JSON than JSON_BYTES_PER_S allows; send it again later.',
      {
        retryAfterMs,
      },
    );
  }
}

/** The token that the guard has verified; null on a public route. */
function tokenOf({ headers }: Request): string | null {
  const caller = currentRequest()?.caller ?? null;
  return caller === null ? null : (headers.authorization ?? '').slice('Bearer '.length);
}

/** The service ignores the body of other methods. */
function takesBody({ method }: Request): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}

function assertNotEncoded({ headers }: Request): void {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.trim().toLowerCase() !== 'identity') {
    throw new UnreadableBodyError(
      415,
      'The body must be sent without Content-Encoding: the service inflates no bodies.',
    );
  }
}

/** A client that sends a form would otherwise get an error that every field is missing. */
function assertJson(request: Request): void {
  if (!request.is('json'))
    throw new UnreadableBodyError(415, 'The body must be JSON: Content-Type: application/json.');
  const charset = /;\s*charset="?([^\s;"]*)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw new UnreadableBodyError(415, 'The character set of a JSON body must be UTF-8.');
  }
}

function tooManyBodies(): DomainError {
  return new DomainError(
    'http/busy',
    'Too many request bodies are in progress; send the same request again.',
    {
      retryAfterMs: RETRY_AFTER_MS,
    },
  );
}
