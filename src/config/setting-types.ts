import { isIP } from 'node:net';

/** What a setting accepts. */
export interface SettingType<T> {
  /** For the settings page and `.env.example`; Markdown. */
  readonly accepts: string;
  /** @throws InvalidSettingError */
  readonly parse: (text: string) => T;
}

/** The message becomes one line of the error at start, after the name of the setting. It never contains a secret. */
export class InvalidSettingError extends Error {}

/** A whole number in plain digits. */
export function integer(min: number, max: number): SettingType<number> {
  return {
    accepts: `${min} to ${max}`,
    parse: (text) => {
      const value = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
      if (!Number.isInteger(value) || value < min || value > max) {
        throw new InvalidSettingError(`must be a whole number from ${min} to ${max}`);
      }
      return value;
    },
  };
}

/** A TCP port; with 0 the operating system picks a free one. */
export const port: SettingType<number> = integer(0, 65_535);

export function text(minLength: number, maxLength: number): SettingType<string> {
  return {
    accepts: `${minLength} to ${maxLength} characters`,
    parse: (value) => {
      if (value.length < minLength || value.length > maxLength) {
        throw new InvalidSettingError(`must be ${minLength} to ${maxLength} characters long`);
      }
      return value;
    },
  };
}

export function secret(minBytes: number): SettingType<string> {
  return {
    accepts: `at least ${minBytes} bytes`,
    parse: (value) => {
      if (Buffer.byteLength(value) < minBytes)
        throw new InvalidSettingError(`must be at least ${minBytes} bytes long`);
      return value;
    },
  };
}

/** Bytes and not characters: bcrypt reads 72 bytes and ignores the rest. */
export const password: SettingType<string> = {
  accepts: '12 to 72 bytes',
  parse: (value) => {
    const sizeBytes = Buffer.byteLength(value);
    if (sizeBytes < 12 || sizeBytes > 72) throw new InvalidSettingError('must be 12 to 72 bytes long');
    return value;
  },
};

/** A git revision, abbreviated or complete. */
export const revision: SettingType<string> = {
  accepts: '7 to 64 hexadecimal digits',
  parse: (value) => {
    if (!/^[0-9a-f]{7,64}$/i.test(value)) throw new InvalidSettingError('must be 7 to 64 hexadecimal digits');
    return value.toLowerCase();
  },
};

export function oneOf<const T extends string>(...allowed: readonly T[]): SettingType<T> {
  return {
    accepts: allowed.map((value) => `\`${value}\``).join(', '),
    parse: (value) => {
      const found = allowed.find((candidate) => candidate === value);
      if (found === undefined) throw new InvalidSettingError(`must be one of ${allowed.join(', ')}`);
      return found;
    },
  };
}

/** As `oneOf`, in any case; the value is in capitals. */
export function oneOfAnyCase<const T extends Uppercase<string>>(...allowed: readonly T[]): SettingType<T> {
  const { accepts, parse } = oneOf(...allowed);
  return { accepts: `${accepts}, in any case`, parse: (value) => parse(value.toUpperCase()) };
}

export const email: SettingType<string> = {
  accepts: 'an e-mail address',
  parse: (value) => {
    if (value.length > 254 || !/^[^\s@]+@[^\s@]+$/.test(value))
      throw new InvalidSettingError('must be an e-mail address');
    return value.toLowerCase();
  },
};

/** A calendar day; the value is the epoch milliseconds of its start in UTC. */
export const day: SettingType<number> = {
  accepts: 'a day, as in `2000-01-01`',
  parse: (value) => {
    const startMs = /^\d{4}-\d{2}-\d{2}$/.test(value) ? Date.parse(value) : NaN;
    if (Number.isNaN(startMs) || new Date(startMs).toISOString().slice(0, 10) !== value) {
      throw new InvalidSettingError('must be a day as in 2000-01-01');
    }
    return startMs;
  },
};

/** A name or an address to listen on. */
export const host: SettingType<string> = {
  accepts: 'an IP address or a host name',
  parse: (value) => {
    if (isIP(value) === 0 && !/^[A-Za-z0-9.-]{1,253}$/.test(value)) {
      throw new InvalidSettingError('must be an IP address or a host name');
    }
    return value;
  },
};

/** Some of the allowed words, separated by commas; `none` for the empty list. */
export function someOf<const T extends string>(...allowed: readonly T[]): SettingType<readonly T[]> {
  const one = oneOf(...allowed);
  return {
    accepts: `a list of ${one.accepts}; or \`none\``,
    parse: (value) => (value === 'none' ? [] : value.split(',').map((item) => one.parse(item.trim()))),
  };
}

/** Words separated by commas. */
export const words: SettingType<readonly string[]> = {
  accepts: 'words, separated by commas',
  parse: splitList,
};

export const webAddress: SettingType<string> = {
  accepts: 'an `http://` or `https://` address without user and password',
  parse: (value) => {
    const url = URL.canParse(value) ? new URL(value) : null;
    if (!url || !/^https?:$/.test(url.protocol))
      throw new InvalidSettingError('must start with http:// or https://');
    if (url.username !== '' || url.password !== '')
      throw new InvalidSettingError('must not contain a user or a password');
    return url.href;
  },
};

/** Of a server beside this one, without encryption. */
export const plainWebAddress: SettingType<string> = {
  accepts: 'an `http://` address without user, password and query',
  parse: (value) => {
    const address = webAddress.parse(value);
    const { protocol, search, hash } = new URL(address);
    if (protocol !== 'http:') throw new InvalidSettingError('must start with http://');
    if (search !== '' || hash !== '') throw new InvalidSettingError('must not contain a query or a fragment');
    return address;
  },
};

/** Exact origins, separated by commas. A pattern is refused: it would admit pages that the operator did not name. */
export const origins: SettingType<readonly string[]> = {
  accepts: 'origins, separated by commas, as in `https://panel.example.org`',
  parse: (value) => {
    const list = splitList(value);
    const bad = list.find((item) => !URL.canParse(item) || new URL(item).origin !== item);
    if (bad !== undefined)
      throw new InvalidSettingError(
        `must list origins (scheme, host and port without a path) separated by commas; "${bad}" is not an origin`,
      );
    return list;
  },
};

export const timeZone: SettingType<string> = {
  accepts: 'an IANA time zone, as in `Asia/Bangkok`',
  parse: (value) => {
    try {
      return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone;
    } catch {
      throw new InvalidSettingError('must be the name of a time zone, as in Asia/Bangkok');
    }
  },
};

/** Exact addresses, separated by commas. Ranges are refused: they would trust machines that the operator did not name. */
export const addresses: SettingType<readonly string[]> = {
  accepts: 'IP addresses, separated by commas',
  parse: (value) => {
    const list = splitList(value);
    const bad = list.find((item) => isIP(item) === 0);
    if (bad !== undefined)
      throw new InvalidSettingError(
        `must list IP addresses separated by commas; "${bad}" is not an IP address`,
      );
    return list;
  },
};

/**
 * A MongoDB connection string that names its database. Without a name the driver uses the database `test`: the service
 * would start on an empty `test` and look healthy without a single vehicle.
 */
export const mongoUrl: SettingType<string> = {
  accepts: 'a `mongodb://` or `mongodb+srv://` address with a database name',
  parse: (value) => {
    const match = /^mongodb(?:\+srv)?:\/\/[^/?]+(?:\/([^/?]*))?(?:\?.*)?$/.exec(value);
    if (!match) throw new InvalidSettingError('must start with mongodb:// or mongodb+srv:// and name a host');
    const database = match[1] ?? '';
    if (database === '')
      throw new InvalidSettingError('must name a database, as in mongodb://a,b,c/samserver?replicaSet=rs0');
    if (!/^[A-Za-z0-9_-]{1,63}$/.test(database)) {
      throw new InvalidSettingError('names a database with characters other than letters, digits, _ and -');
    }
    return value;
  },
};

/** A Redis address; `rediss` uses TLS. The path is the number of the database. */
export const redisUrl: SettingType<string> = {
  accepts: 'a `redis://` or `rediss://` address, as in `redis://:password@host:6379/0`',
  parse: (value) => {
    const url = URL.canParse(value) ? new URL(value) : null;
    if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '')
      throw new InvalidSettingError('must start with redis:// or rediss:// and name a host');
    if (!/^(\/\d{0,5})?$/.test(url.pathname))
      throw new InvalidSettingError('may end with the number of a database only, as in redis://host:6379/0');
    return value;
  },
};

function splitList(value: string): readonly string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
