import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * `<session id>.<generation>.<HMAC-SHA-256>`. The token of a generation is computed, not stored: the one before the
 * current can be answered with the *same* successor (a lost answer must not log a dispatcher out), and a stolen
 * database holds nothing that logs in without the signing secret.
 */
export interface RefreshToken {
  readonly sessionId: string;
  readonly generation: number;
  readonly mac: string;
}

export function makeRefreshToken(
  sessionId: string,
  generation: number,
  salt: string,
  secret: string,
): string {
  return `${sessionId}.${generation}.${mac(sessionId, generation, salt, secret)}`;
}

/** null for anything that has not the form of one. */
export function parseRefreshToken(text: string): RefreshToken | null {
  const match = /^([0-9a-f]{24})\.(\d{1,9})\.([A-Za-z0-9_-]{43})$/.exec(text);
  if (!match?.[1] || !match[2] || !match[3]) return null;
  return { sessionId: match[1], generation: Number(match[2]), mac: match[3] };
}

/** Whose it claims to be, for counting: what cannot be read is all one. */
export function sessionIdIn(text: string): string {
  return parseRefreshToken(text)?.sessionId ?? '';
}

export function isGenuine(token: RefreshToken, salt: string, secret: string): boolean {
  return timingSafeEqual(
    Buffer.from(token.mac),
    Buffer.from(mac(token.sessionId, token.generation, salt, secret)),
  );
}

function mac(sessionId: string, generation: number, salt: string, secret: string): string {
  return createHmac('sha256', secret)
    .update(`refresh:${sessionId}:${generation}:${salt}`)
    .digest('base64url');
}
