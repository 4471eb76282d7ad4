import {
  type CallHandler,
  type CustomDecorator,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  SetMetadata,
  UnsupportedMediaTypeException,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import type { Observable } from 'rxjs';

const ACCEPTS_NON_JSON_BODY = 'takes a body that is not JSON';

/** Marks a route that reads its body itself, such as an upload. */
export const AcceptsNonJsonBody = (): CustomDecorator => SetMetadata(ACCEPTS_NON_JSON_BODY, true);

/**
 * Refuses a body that is not JSON. The body parser ignores such a body, so a client that sends a form would otherwise get
 * an error that every field is missing. An interceptor runs after the guards, so an access error comes first.
 */
@Injectable()
export class BodyTypeInterceptor implements NestInterceptor {
  constructor(private readonly reflector: Reflector) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (
      context.getType() === 'http' &&
      !this.reflector.get<true | undefined>(ACCEPTS_NON_JSON_BODY, context.getHandler())
    ) {
      const request = context.switchToHttp().getRequest<Request>();
      if (takesBody(request) && hasBody(request) && !request.is('json')) {
        throw new UnsupportedMediaTypeException('The body must be JSON: Content-Type: application/json.');
      }
    }
    return next.handle();
  }
}

/** The service ignores the body of other methods. */
function takesBody({ method }: Request): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
