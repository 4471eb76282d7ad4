import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import {
  answerEarly,
  DomainError,
  ERROR_TRANSLATOR,
  type ErrorTranslator,
  requestIdOf,
  UnreadableBodyError,
} from '../../core/index.js';
import { LegacyMetrics, type LegacyPostKind } from '../legacy-metrics.js';
import { CRASH_PATH, legacyErrorPage, SNAPSHOT_PATH } from '../legacy-routes.js';
import { MirrorOffError, originOf } from '../mirrored-posts/post-source.js';
import { LoopError } from '../tee/box-answers.js';
import { NoFormError } from './box-pictures.service.js';
import { TooManyPostsError } from './post-limits.js';

/** Many boxes read the answer only after sending everything, so this much of a refused body is read. */
const MAX_DISCARDED_BYTES = 16_000_000;
const RETRY_AFTER_S = 2;
const FAILED = JSON.stringify({ success: false });

/** The error answers to old boxes: the page of Express for an unreadable body, otherwise `{"success":false}`. */
@Catch()
export class LegacyExceptionFilter implements ExceptionFilter {
  private readonly logger = new Logger(LegacyExceptionFilter.name);

  constructor(
    @Inject(ERROR_TRANSLATOR) private readonly translate: ErrorTranslator,
    private readonly metrics: LegacyMetrics,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const requestId = requestIdOf(request);
    if (error instanceof UnreadableBodyError) {
      this.metrics.post(postOf(request), 'refused', originOf(request));
      response.status(error.status).type('html');
      void answerEarly(request, response, legacyErrorPage(error.status), MAX_DISCARDED_BYTES);
      return;
    }
    if (error instanceof NoFormError) {
      this.metrics.post(postOf(request), 'refused', originOf(request));
      response.status(500).type('html');
      void answerEarly(request, response, legacyErrorPage(500), MAX_DISCARDED_BYTES);
      return;
    }
    response.type('json');
    if (error instanceof TooManyPostsError) {
      this.metrics.post(postOf(request), 'limited', originOf(request));
      response.status(429).setHeader('Retry-After', Math.ceil(error.retryAfterMs / 1_000));
      void answerEarly(request, response, FAILED, MAX_DISCARDED_BYTES);
      return;
    }
    if (error instanceof LoopError) {
      this.metrics.post(postOf(request), 'refused', originOf(request));
      response.status(508);
      void answerEarly(request, response, FAILED, MAX_DISCARDED_BYTES);
      return;
    }
    if (error instanceof MirrorOffError) {
      this.metrics.post(postOf(request), 'mirror_off', originOf(request));
      response.status(503).setHeader('Retry-After', RETRY_AFTER_S);
      void answerEarly(request, response, FAILED, MAX_DISCARDED_BYTES);
      return;
    }
    this.metrics.post(postOf(request), 'failed', originOf(request));
    const known = error instanceof DomainError ? error : this.translate(error);
    if (known) {
      this.logger.warn({ requestId, code: known.code }, known.message);
      const { retryAfterMs } = known;
      response.setHeader(
        'Retry-After',
        retryAfterMs === undefined ? RETRY_AFTER_S : Math.ceil(retryAfterMs / 1_000),
      );
    } else this.logger.error({ requestId, err: error }, 'unexpected error');
    response.status(known ? 503 : 500);
    void answerEarly(request, response, FAILED, MAX_DISCARDED_BYTES);
  }
}

function postOf(request: Request): LegacyPostKind {
  const path = request.path.toLowerCase();
  if (path.includes(SNAPSHOT_PATH.toLowerCase())) return 'picture';
  return path.includes(CRASH_PATH.toLowerCase()) ? 'crash' : 'position';
}
