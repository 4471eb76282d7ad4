/** What the command lines of all clients have in common. */

/** Wrong use, in one line. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** Exit codes of all clients; 69 is `EX_UNAVAILABLE` of `sysexits.h`. */
export const EXIT = { failed: 1, usage: 2, unavailable: 69, interrupted: 130 } as const;

export const DEFAULT_URL = 'http://127.0.0.1:5000';
export const DEFAULT_SOCKET_URL = 'http://127.0.0.1:5050';

/** @throws UsageError for anything but a number from `low` to `high` */
export function numberOption(flag: string, text: string, low: number, high: number, isWhole = true): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= low && value <= high) || (isWhole && !Number.isInteger(value)))
    throw new UsageError(`--${flag} wants a${isWhole ? ' whole' : ''} number from ${low} to ${high}`);
  return value;
}

/** Origin only, so that a path or a login in it cannot be dropped in silence. @throws UsageError */
export function originOption(flag: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined &&
    ['http:', 'https:'].includes(url.protocol) &&
    url.username === '' &&
    url.pathname === '/' &&
    url.search === '' &&
    url.hash === '';
  if (!isPlain) throw new UsageError(`--${flag} wants http(s)://host:port`);
  return url.origin;
}
