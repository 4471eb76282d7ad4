import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asDomainError, ERROR_TRANSLATOR, type ErrorTranslator, problemOf } from './error-responses.js';
import { announcedBytes, answerEarly, UnreadableBodyError } from '../http/request-body.js';
import { currentRequest, requestIdOf } from '../http/request-context.js';

const DEFAULT_RETRY_AFTER_S = 2;
/** Twice the largest JSON body. An upload reads the rest itself. */
const MAX_DISCARDED_BYTES = 4_000_000;

/** Answers every HTTP error as `application/problem+json`. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  constructor(@Inject(ERROR_TRANSLATOR) private readonly translate: ErrorTranslator) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const caller = currentRequest()?.caller ?? null;
    this.answer(error, http.getRequest<Request>(), http.getResponse<Response>(), caller);
  }

  /** @param caller that the error is logged with; null before authentication */
  answer(error: unknown, request: IncomingMessage, response: ServerResponse, caller: unknown): void {
    const requestId = requestIdOf(request);
    const problem = problemOf(error, requestId, this.translate);

    if (problem.status >= 500) this.log(error, problem.code, requestId);
    if (error instanceof UnreadableBodyError && caller !== null) this.logUnreadable(error, request, caller);
    // Part of the answer is sent already: only a closed connection shows the client that it is incomplete.
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (problem.status === 503 || problem.status === 429) {
      const retryAfterMs = asDomainError(error, this.translate)?.retryAfterMs;
      response.setHeader(
        'Retry-After',
        retryAfterMs === undefined ? DEFAULT_RETRY_AFTER_S : Math.ceil(retryAfterMs / 1000),
      );
    }
    if (problem.status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
    response.statusCode = problem.status;
    response.setHeader('Content-Type', 'application/problem+json');
    void answerEarly(request, response, JSON.stringify(problem), MAX_DISCARDED_BYTES);
  }

  /** A device repeats a body that cannot be read for ever: the line names its vehicle. */
  private logUnreadable(
    { status, message }: UnreadableBodyError,
    request: IncomingMessage,
    caller: unknown,
  ): void {
    const fields = { requestId: requestIdOf(request), status, sizeBytes: announcedBytes(request) };
    this.logger.warn({ ...fields, caller, reason: message }, 'request body cannot be read');
  }

  private log(error: unknown, code: string, requestId: string): void {
    const known = asDomainError(error, this.translate);
    if (known) this.logger.warn({ requestId, code, cause: reasonOf(known.cause) }, known.message);
    else this.logger.error({ requestId, err: error }, 'unexpected error');
  }
}

function reasonOf(cause: unknown): string | undefined {
  return cause instanceof Error ? cause.name : undefined;
}
