import { printable } from '../../core/commands/index.js';

const MAX_TEXT_LENGTH = 2_000;
/** A shorter value would be found in ordinary words. */
const MIN_SECRET_LENGTH = 5;
const MIN_PARAMETER_LENGTH = 8;
const ORDINARY = /^(\d{1,5}|false|localhost|production|development)$/i;
const CENSORED = '[secret]';

/**
 * Removes the values that must not be shown from everything that is printed or written. The report shows only values of
 * settings that are known not to be secret; this class is the second line, for texts of other programs such as the
 * errors of the database driver.
 */
export class SecretCensor {
  /** The longest first: a secret can contain another one. */
  private secrets: string[] = [];

  add(values: Iterable<string>): void {
    const all = new Set(this.secrets);
    for (const value of values) {
      for (const each of [value, value.trim(), ...loginOf(value)]) {
        if (each.length >= MIN_SECRET_LENGTH && !ORDINARY.test(each)) all.add(each);
      }
    }
    this.secrets = [...all].sort((a, b) => b.length - a.length);
  }

  /** A copy with every text made printable, cut to a length, and without secrets. */
  clean<T>(value: T): T {
    if (typeof value === 'string') return this.cleanText(value) as T;
    if (Array.isArray(value)) return value.map((each) => this.clean(each) as unknown) as T;
    if (typeof value !== 'object' || value === null) return value;
    const fields = Object.entries(value).map(
      ([name, field]) => [this.cleanText(name), this.clean(field)] as const,
    );
    return Object.fromEntries(fields) as T;
  }

  private cleanText(text: string): string {
    let cleaned = text;
    for (const secret of this.secrets) cleaned = cleaned.replaceAll(secret, CENSORED);
    cleaned = printable(cleaned);
    return cleaned.length > MAX_TEXT_LENGTH ? `${cleaned.slice(0, MAX_TEXT_LENGTH)}…` : cleaned;
  }
}

/** Password and long query values of an address, as written and decoded. The user's name is an ordinary word. */
function loginOf(value: string): string[] {
  const password = /^[a-z][a-z0-9+.-]{0,20}:\/\/[^:]{0,500}:(.{0,2048})@/is.exec(value)?.[1];
  const query = /\?(.{0,4096})$/s.exec(value)?.[1] ?? '';
  const parameters = query.split('&').map((each) => each.replace(/^[^=]*=/, ''));
  const parts = [password ?? '', ...parameters.filter(({ length }) => length >= MIN_PARAMETER_LENGTH)];
  return parts.flatMap((part) => [part, decoded(part)]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** An address without login, query and fragment. Null for a text whose login is not clear, or that is no address. */
export function withoutLogin(address: string): string | null {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]{0,20}:\/\/)(\S{1,4000})$/i.exec(address) ?? [];
  const [login = '', after, ...more] = rest.split('@');
  // A login with one of these characters is not encoded: nothing after it can be told apart from it.
  if (more.length > 0 || (after !== undefined && /[/?#]/.test(login))) return null;
  const place = (after ?? login).replace(/[?#].*$/, '');
  return place === '' ? null : `${scheme}${place}`;
}
