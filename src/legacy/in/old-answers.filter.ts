import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { DomainError, ERROR_TRANSLATOR, type ErrorTranslator, requestIdOf } from '../../common/index.js';
import { LegacyMetrics, type OldPost } from '../legacy-metrics.js';
import { CRASH_PATH, oldErrorPage, SNAPSHOT_PATH } from '../old-routes.js';
import { UnreadableBodyError } from './unreadable-body.error.js';

const RETRY_AFTER_S = 2;

/** What a box is told when its post was not taken: a page as Express had it, or that it was not kept. */
@Catch()
export class OldAnswersFilter implements ExceptionFilter {
  private readonly logger = new Logger(OldAnswersFilter.name);

  constructor(
    @Inject(ERROR_TRANSLATOR) private readonly translate: ErrorTranslator,
    private readonly metrics: LegacyMetrics,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const requestId = requestIdOf(request);
    if (error instanceof UnreadableBodyError) {
      this.metrics.post(postOf(request), 'refused');
      // The rest of it may still be on the way.
      if (!request.complete) response.setHeader('Connection', 'close');
      response.status(error.status).type('html').send(oldErrorPage(error.status));
      return;
    }
    this.metrics.post(postOf(request), 'failed');
    const known = error instanceof DomainError ? error : this.translate(error);
    if (known) {
      this.logger.warn({ requestId, code: known.code }, known.message);
      const retryAfterS =
        known.retryAfterMs === undefined ? RETRY_AFTER_S : Math.ceil(known.retryAfterMs / 1_000);
      response.setHeader('Retry-After', retryAfterS);
      response.status(503).json({ success: false });
    } else {
      this.logger.error({ requestId, err: error }, 'unexpected error');
      response.status(500).json({ success: false });
    }
  }
}

function postOf(request: Request): OldPost {
  const path = request.path.toLowerCase();
  if (path.includes(SNAPSHOT_PATH.toLowerCase())) return 'picture';
  return path.includes(CRASH_PATH.toLowerCase()) ? 'crash' : 'position';
}
