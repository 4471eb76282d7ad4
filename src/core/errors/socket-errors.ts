import { Inject, Injectable, Logger } from '@nestjs/common';
import {
  asDomainError,
  ERROR_TRANSLATOR,
  type ErrorTranslator,
  type SocketErrorAck,
  socketErrorOf,
} from './error-responses.js';

/** Acknowledges a failed socket event with `{error: {code, message, retryAfterMs?}}`. */
@Injectable()
export class SocketErrors {
  private readonly logger = new Logger(SocketErrors.name);

  constructor(@Inject(ERROR_TRANSLATOR) private readonly translate: ErrorTranslator) {}

  /** The acknowledgement of an event that failed. Logs an unexpected error. */
  ackOf(error: unknown): SocketErrorAck {
    if (!asDomainError(error, this.translate)) this.logger.error({ err: error }, 'unexpected error');
    return socketErrorOf(error, this.translate);
  }
}
