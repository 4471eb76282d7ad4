import { ValidateBy, type ValidationOptions } from 'class-validator';

/** log2 of the rounds of new hashes: about 0.25 s of one core. */
export const ROUNDS = 12;
/** More rounds would occupy a thread for seconds. */
const MAX_ROUNDS = 16;
const MIN_ROUNDS = 4;

/** Hash to compare with when a user has none, so that every answer takes the same time. No password matches it. */
export const DUMMY_HASH = '$2b$12$FPKTUIBxvPPP3ce2CNi2fOzX5t9x.DD9UoOt/Ixfv0hh.Try2hzY.';

/** bcrypt ignores all bytes after these. */
const MAX_PASSWORD_BYTES = 72;
const MIN_PASSWORD_BYTES = 12;
/** Limit at log-in only: the old server accepted longer passwords, of which bcrypt used the beginning. */
export const MAX_LOGIN_PASSWORD_LENGTH = 1_024;

/** log2 of the rounds of a bcrypt hash; null for a text that is no bcrypt hash or has too many rounds. */
export function roundsOf(passwordHash: string): number | null {
  const rounds = Number(/^\$2[ab]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(passwordHash)?.[1] ?? NaN);
  return rounds >= MIN_ROUNDS && rounds <= MAX_ROUNDS ? rounds : null;
}

/** True for a hash with fewer rounds than new ones get, such as those of the old server. */
export function isWeak(passwordHash: string): boolean {
  const rounds = roundsOf(passwordHash);
  return rounds !== null && rounds < ROUNDS;
}

/** Counts bytes of UTF-8: a letter outside ASCII takes two to four. */
export function isPasswordLength(password: string): boolean {
  const sizeBytes = Buffer.byteLength(password);
  return sizeBytes >= MIN_PASSWORD_BYTES && sizeBytes <= MAX_PASSWORD_BYTES;
}

/** Validates a password that a user chooses: 12 to 72 bytes. */
export function IsNewPassword(options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'isNewPassword',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && isPasswordLength(value),
        defaultMessage: () =>
          `$property must be ${MIN_PASSWORD_BYTES} to ${MAX_PASSWORD_BYTES} bytes long; ` +
          'a letter outside of ASCII takes two to four',
      },
    },
    options,
  );
}
