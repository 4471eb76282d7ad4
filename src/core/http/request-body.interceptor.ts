import {
  type CallHandler,
  type CustomDecorator,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import type { Observable } from 'rxjs';
import { JsonBodies, tooManyBodies } from './json-bodies.js';
import { announcedBytes, hasBody, UnreadableBodyError } from './request-body.js';
import { currentRequest } from './request-context.js';

const BODY_RULE = 'samserver:body';
type BodyRule = { readonly maxBytes: number } | 'own reader';

/** More than twice the largest body of a route without `@MaxBodyBytes`. */
const DEFAULT_MAX_BYTES = 16_384;
/** What a handler that reads its body itself holds at most: form parser, fields and one chunk of a file. */
const OWN_READER_BYTES = 65_536;

/** The route accepts a JSON body of this size; the default is 16 kB. */
export const MaxBodyBytes = (maxBytes: number): CustomDecorator =>
  SetMetadata(BODY_RULE, { maxBytes } satisfies BodyRule);

/** Marks a route that reads its body itself, such as an upload. */
export const AcceptsNonJsonBody = (): CustomDecorator =>
  SetMetadata(BODY_RULE, 'own reader' satisfies BodyRule);

/**
 * Reads and parses JSON bodies. An interceptor runs after the guards: a caller without access costs no parsing, and gets the
 * access error. Bodies are never inflated, because 2 kB of gzip can hold 2 MB.
 */
@Injectable()
export class RequestBodyInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly bodies: JsonBodies,
  ) {}

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
    return this.readJson(request, rule?.maxBytes ?? DEFAULT_MAX_BYTES, next);
  }

  private async readJson(
    request: Request,
    maxBytes: number,
    next: CallHandler,
  ): Promise<Observable<unknown>> {
    request.body = await this.bodies.read(request, maxBytes, tokenOf(request));
    return next.handle();
  }

  /** Counts the largest size that the handler can hold: it reads the body itself, at the speed of the client. */
  private holdUntilAnswered(request: Request): void {
    const hold = this.bodies.open(request, tokenOf(request));
    if (!hold.add(Math.min(announcedBytes(request) || OWN_READER_BYTES, OWN_READER_BYTES)))
      throw tooManyBodies();
    request.res?.once('close', () => hold.release());
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
