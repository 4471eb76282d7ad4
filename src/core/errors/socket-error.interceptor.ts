import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  Logger,
  type NestInterceptor,
} from '@nestjs/common';
import { catchError, type Observable, of } from 'rxjs';
import { asDomainError, ERROR_TRANSLATOR, type ErrorTranslator, socketErrorOf } from './error-responses.js';

/**
 * Acknowledges a failed socket event with `{error: {code, message, retryAfterMs?}}`. Nest's own filter emits an `exception`
 * event with the payload and does not acknowledge, so the device would wait forever.
 */
@Injectable()
export class SocketErrorInterceptor implements NestInterceptor {
  private readonly logger = new Logger(SocketErrorInterceptor.name);

  constructor(@Inject(ERROR_TRANSLATOR) private readonly translate: ErrorTranslator) {}

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      catchError((error: unknown) => {
        if (!asDomainError(error, this.translate)) this.logger.error({ err: error }, 'unexpected error');
        return of(socketErrorOf(error, this.translate));
      }),
    );
  }
}
