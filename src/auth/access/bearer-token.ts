import type { Request } from 'express';

const MAX_LENGTH = 2_048;

/** What the caller shows, whatever it is worth; null when there is none. */
export function bearerToken(request: Request): string | null {
  const token = /^Bearer (\S+)$/i.exec(request.get('authorization') ?? '')?.[1];
  return token !== undefined && token.length <= MAX_LENGTH ? token : null;
}
