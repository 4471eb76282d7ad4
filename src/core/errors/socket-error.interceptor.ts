import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { catchError, type Observable, of } from 'rxjs';
import { SocketErrors } from './socket-errors.js';

/**
 * Acknowledges a failed socket event. Nest's own filter emits an `exception` event with the payload and does not acknowledge,
 * so the device would wait forever.
 */
@Injectable()
export class SocketErrorInterceptor implements NestInterceptor {
  constructor(private readonly errors: SocketErrors) {}

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(catchError((error: unknown) => of(this.errors.ackOf(error))));
  }
}
