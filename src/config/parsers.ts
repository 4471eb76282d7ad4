import { isIP } from 'node:net';

/** What a parser throws: becomes one line of the start-up complaint, after the setting's name. */
export class InvalidSettingError extends Error {}

export type Parser<T> = (text: string) => T;

/** A whole number, given in plain digits. */
export function integer(min: number, max: number): Parser<number> {
  return (text) => {
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new InvalidSettingError(`must be a whole number from ${min} to ${max}`);
    }
    return value;
  };
}

/** A TCP port; 0 lets the system pick a free one. */
export const port: Parser<number> = integer(0, 65_535);

export function text(minLength: number, maxLength: number): Parser<string> {
  return (value) => {
    if (value.length < minLength || value.length > maxLength) {
      throw new InvalidSettingError(`must be ${minLength} to ${maxLength} characters long`);
    }
    return value;
  };
}

/** Never shown in a complaint: only its length is spoken of. */
export function secret(minBytes: number): Parser<string> {
  return (value) => {
    if (Buffer.byteLength(value) < minBytes)
      throw new InvalidSettingError(`must be at least ${minBytes} bytes long`);
    return value;
  };
}

/** Bytes, not characters: bcrypt reads 72 of them and would pass over the rest in silence. */
export const password: Parser<string> = (value) => {
  const sizeBytes = Buffer.byteLength(value);
  if (sizeBytes < 12 || sizeBytes > 72) throw new InvalidSettingError('must be 12 to 72 bytes long');
  return value;
};

/** A git revision, abbreviated or whole. */
export const revision: Parser<string> = (value) => {
  if (!/^[0-9a-f]{7,64}$/i.test(value)) throw new InvalidSettingError('must be 7 to 64 hexadecimal digits');
  return value.toLowerCase();
};

export function oneOf<const T extends string>(...allowed: readonly T[]): Parser<T> {
  return (value) => {
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw new InvalidSettingError(`must be one of ${allowed.join(', ')}`);
    return found;
  };
}

export const email: Parser<string> = (value) => {
  if (value.length > 254 || !/^[^\s@]+@[^\s@]+$/.test(value))
    throw new InvalidSettingError('must be an e-mail address');
  return value.toLowerCase();
};

/** A calendar day, given as epoch milliseconds of its first moment in UTC. */
export const day: Parser<number> = (value) => {
  const startMs = /^\d{4}-\d{2}-\d{2}$/.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(startMs) || new Date(startMs).toISOString().slice(0, 10) !== value) {
    throw new InvalidSettingError('must be a day as in 2000-01-01');
  }
  return startMs;
};

/** A name or an address to listen on. */
export const host: Parser<string> = (value) => {
  if (isIP(value) === 0 && !/^[A-Za-z0-9.-]{1,253}$/.test(value)) {
    throw new InvalidSettingError('must be an IP address or a host name');
  }
  return value;
};

/** Some of the given words, separated by commas; `none` for none of them. */
export function someOf<const T extends string>(...allowed: readonly T[]): Parser<readonly T[]> {
  const one = oneOf(...allowed);
  return (value) => (value === 'none' ? [] : value.split(',').map((item) => one(item.trim())));
}

/** Words separated by commas. */
export const words: Parser<readonly string[]> = (value) =>
  value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** Of a service that is called. */
export const webAddress: Parser<string> = (value) => {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new InvalidSettingError('must start with http:// or https://');
  if (url.username !== '' || url.password !== '')
    throw new InvalidSettingError('must hold no user and no password');
  return url.href;
};

/** An IANA name, as in `Asia/Bangkok`. */
export const timeZone: Parser<string> = (value) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone;
  } catch {
    throw new InvalidSettingError('must be the name of a time zone, as in Asia/Bangkok');
  }
};

/** Exact addresses, separated by commas: a range would trust machines that nobody named. */
export const addresses: Parser<readonly string[]> = (value) => {
  const list = value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const bad = list.find((item) => isIP(item) === 0);
  if (bad !== undefined)
    throw new InvalidSettingError(`must list IP addresses separated by commas; "${bad}" is none`);
  return list;
};

/**
 * A MongoDB connection string that names its database. Without a name the driver takes `test`, and a service that
 * starts on an empty `test` looks healthy while every vehicle is missing.
 */
export const mongoUrl: Parser<string> = (value) => {
  const match = /^mongodb(?:\+srv)?:\/\/[^/?]+(?:\/([^/?]*))?(?:\?.*)?$/.exec(value);
  if (!match) throw new InvalidSettingError('must start with mongodb:// or mongodb+srv:// and name a host');
  const database = match[1] ?? '';
  if (database === '')
    throw new InvalidSettingError('must name a database, as in mongodb://host:27017/samserver');
  if (!/^[A-Za-z0-9_-]{1,63}$/.test(database)) {
    throw new InvalidSettingError('names a database with characters other than letters, digits, _ and -');
  }
  return value;
};
