import { SECRET_SETTINGS } from '../../config/index.js';

const CENSORED = '[secret]';
/** Endings of normalized names: `JWT_SECRET`, `x-api-key`, `Set-Cookie`, `passwordHash`. */
const SECRET_NAME =
  /(password|passwd|passphrase|secret|token|authorization|cookie|apikey|privatekey|credentials)s?(hash|previous)?$/;
/** Secret settings, some of which `SECRET_NAME` does not match. */
const SECRET_SETTING_NAMES: ReadonlySet<string> = new Set(SECRET_SETTINGS.map(normalized));
/** Complete payloads that parsers and the database driver attach to errors. */
const PAYLOAD_NAME = /^(body|rawbody|inserteddocs|op)$/;

/** Limits of one line. Content beyond them is replaced by `[cut]`. */
const MAX_DEPTH = 8;
const MAX_ITEMS = 100;
const MAX_VALUES = 2_000;
const MAX_TEXT_LENGTH = 16_000;

/**
 * A copy of the fields of a log line without secrets. Removes fields by name, at every depth, also in errors and their
 * causes. `withoutSecrets` removes secrets inside of texts.
 */
export function redacted(fields: object): Record<string, unknown> {
  const redactor = new Redactor();
  return redactor.fieldsOf(fields, 0);
}

class Redactor {
  private readonly path = new Set<object>();
  private left = MAX_VALUES;

  fieldsOf(value: object, depth: number): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    for (const key of Object.keys(value).slice(0, MAX_ITEMS)) {
      copy[key] = this.named(key, read(value, key), depth);
    }
    return copy;
  }

  private named(key: string, value: unknown, depth: number): unknown {
    const hasContent = value !== undefined && value !== null && typeof value !== 'boolean';
    if (hasContent && isSecretName(normalized(key))) return CENSORED;
    return this.copyOf(value, depth + 1);
  }

  private copyOf(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return textOf(value);
    if (typeof value === 'bigint') return String(value);
    if (typeof value === 'function' || typeof value === 'symbol') return undefined;
    if (typeof value !== 'object' || value === null) return value;
    this.left -= 1;
    if (depth > MAX_DEPTH || this.left < 0) return '[cut]';
    if (this.path.has(value)) return '[circular]';
    this.path.add(value);
    const copy = this.objectOf(value, depth);
    this.path.delete(value);
    return copy;
  }

  private objectOf(value: object, depth: number): unknown {
    if (value instanceof Error) return this.errorOf(value, depth);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (value instanceof Map) return this.fieldsOf(Object.fromEntries(value) as object, depth);
    if (Array.isArray(value) || value instanceof Set) {
      return [...value].slice(0, MAX_ITEMS).map((each) => this.copyOf(each, depth + 1));
    }
    const toJson = read(value, 'toJSON');
    if (typeof toJson !== 'function') return this.fieldsOf(value, depth);
    try {
      return this.copyOf(toJson.call(value), depth);
    } catch {
      return '[unreadable]';
    }
  }

  private errorOf(error: Error, depth: number): Record<string, unknown> {
    const { name, message, stack } = error;
    const more = ['cause', 'errors'].filter((key) => read(error, key) !== undefined);
    return {
      type: error.constructor.name || name,
      message: textOf(message),
      stack: stack === undefined ? undefined : textOf(stack),
      ...this.fieldsOf(error, depth),
      // `cause` and `errors` are not enumerable, so `fieldsOf` does not copy them.
      ...Object.fromEntries(more.map((key) => [key, this.named(key, read(error, key), depth)])),
    };
  }
}

/** Converts a name to lower case and removes `-` and `_`. */
function normalized(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) || PAYLOAD_NAME.test(name) || SECRET_SETTING_NAMES.has(name);
}

/** Removes secrets before it cuts: half of an address with a password does not match the pattern of one. */
function textOf(text: string): string {
  if (text.length <= MAX_TEXT_LENGTH) return text;
  return `${withoutSecrets(text).slice(0, MAX_TEXT_LENGTH)}[cut]`;
}

/** A getter that throws must not prevent the line. */
function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return '[unreadable]';
  }
}

/** A quote in a line of JSON: plain, or escaped in a text that contains JSON itself. */
const QUOTE = String.raw`\\{0,8}["']`;
/**
 * A hint, the pattern and the replacement. A line without the hint has no such secret; the search for a hint costs a tenth of
 * the pattern. All repetitions are bounded: a text from outside must not make the patterns slow.
 */
const SECRETS: readonly (readonly [hint: string | RegExp, RegExp, string])[] = [
  // Up to the last @: a password that is not percent-encoded can contain / and @.
  ['@', /(mongodb(?:\+srv)?:\/\/)[^\s"'<>\\]{0,2048}@/gi, `$1${CENSORED}@`],
  ['@', /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/"'<>\\@:]{0,256}:[^\s"'<>\\/]{0,1024}@/gi, `$1${CENSORED}@`],
  [/bearer|basic/i, /\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, `$1 ${CENSORED}`],
  // JSON web tokens, then device tokens.
  ['eyJ', /\beyJ[\w-]{5,512}\.[\w-]{1,2048}\.[\w-]*/g, CENSORED],
  ['.', /\b[0-9a-f]{24}\.[\w-]{43}(?![\w-])/g, CENSORED],
  ['$2', /\$2[aby]\$\d\d\$[./\w]{53}/g, CENSORED],
  [
    /password|secret|token|authorization|api_?key/i,
    new RegExp(
      `(${QUOTE}\\w*(?:password|secret|token|authorization|api_?key)${QUOTE}\\s*:\\s*${QUOTE})[^"'\\\\]+`,
      'gi',
    ),
    `$1${CENSORED}`,
  ],
  ['=', /\b(\w*(?:password|passwd|secret|token|api_?key)=)[^\s&"'\\]+/gi, `$1${CENSORED}`],
  ['=', new RegExp(`\\b((?:${SECRET_SETTINGS.join('|')})=)[^\\s&"'\\\\]+`, 'g'), `$1${CENSORED}`],
];

/** A complete log line without anything that looks like a secret: in the message, the stack or any other text. */
export function withoutSecrets(line: string): string {
  let text = line;
  for (const [hint, pattern, replacement] of SECRETS) {
    const isPossible = typeof hint === 'string' ? text.includes(hint) : hint.test(text);
    if (isPossible) text = text.replace(pattern, replacement);
  }
  return text;
}
