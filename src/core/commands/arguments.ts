import { InvalidArgumentError } from 'commander';
import { EXIT_CODES } from './exit-codes.js';

/**
 * Parser of a number option.
 * @param low, high the range, ends included
 */
export function numberArgument(low: number, high: number, isWhole = true): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (!(value >= low && value <= high) || (isWhole && !Number.isInteger(value)))
      throw new InvalidArgumentError(`Give a${isWhole ? ' whole' : ''} number from ${low} to ${high}.`);
    return value;
  };
}

/** Parser of a whole number of seconds. @returns milliseconds */
export function secondsArgument(low: number, high: number): (text: string) => number {
  const parse = numberArgument(low, high);
  return (text) => parse(text) * 1_000;
}

/** Parser of an origin. A path or a login in the URL is an error, because it would be ignored. */
export function originArgument(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin =
    url !== undefined &&
    ['http:', 'https:'].includes(url.protocol) &&
    url.username === '' &&
    url.pathname === '/' &&
    url.search === '' &&
    url.hash === '';
  if (!isOrigin) throw new InvalidArgumentError('Give http(s)://host:port.');
  return url.origin;
}

/** The last part of a command's help. */
export function exitCodesHelp(texts: Partial<Record<keyof typeof EXIT_CODES, string>>): string {
  const lines = Object.entries(texts).map(
    ([name, text]) => `  ${String(EXIT_CODES[name as keyof typeof EXIT_CODES]).padEnd(4)} ${text}`,
  );
  return ['', 'Exit codes:', ...lines].join('\n');
}
