import type { INestApplication } from '@nestjs/common';
import type { IRouter, NextFunction, Request, Response } from 'express';
import { createHash } from 'node:crypto';

/** An answer that is the same for the life of the process. All its readers share one buffer. */
export interface ConstantAnswer {
  readonly contentType: string;
  readonly body: Buffer;
  /** Strong; the quotes are included. */
  readonly etag: string;
}

export function constantAnswer(contentType: string, content: string | Buffer): ConstantAnswer {
  const body = typeof content === 'string' ? Buffer.from(content) : content;
  return {
    contentType,
    body,
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`,
  };
}

/** Answers with the content, or with 304 when the client has it. */
export function sendConstant(response: Response, { contentType, body, etag }: ConstantAnswer): void {
  response.setHeader('Content-Type', contentType);
  response.setHeader('ETag', etag);
  // Express compares the ETag with `If-None-Match`.
  response.send(body);
}

/**
 * Keeps the answers of these GET routes from their first success on, for documents that are expensive to build or to
 * serialize. Call it before the handlers of the routes are registered.
 */
export function keepAnswers(app: INestApplication, paths: readonly string[]): void {
  const router = app.getHttpAdapter().getInstance() as IRouter;
  const kept = new Map<string, ConstantAnswer>();
  for (const path of paths) {
    router.get(path, (_request: Request, response: Response, next: NextFunction) => {
      const answer = kept.get(path);
      if (answer) {
        response.setHeader('Cache-Control', 'no-cache');
        sendConstant(response, answer);
        return;
      }
      const send = response.send.bind(response);
      response.send = (content: unknown) => {
        response.send = send;
        if (response.statusCode !== 200 || typeof content !== 'string') return send(content);
        const made = constantAnswer(String(response.getHeader('Content-Type')), content);
        kept.set(path, made);
        response.setHeader('Cache-Control', 'no-cache');
        sendConstant(response, made);
        return response;
      };
      next();
    });
  }
}
