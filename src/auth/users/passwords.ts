import { ValidateBy, type ValidationOptions } from 'class-validator';

/** log2 of the rounds of new hashes: about 0.25 s of one core. */
export const ROUNDS = 12;
/** More rounds would occupy a thread for seconds. */
const MAX_ROUNDS = 16;
const MIN_ROUNDS = 4;

/** Salt and hash of a random password that was discarded. */
const DUMMY = 'FPKTUIBxvPPP3ce2CNi2fOzX5t9x.DD9UoOt/Ixfv0hh.Try2hzY.';

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

/** A hash to compare with when the result does not matter. No password matches it. */
export function dummyHash(rounds: number): string {
  return `$2b$${String(rounds).padStart(2, '0')}$${DUMMY}`;
}

/**
 * Rounds of the comparisons that make up for a hash with fewer rounds than new ones: 2^n + 2^n + 2^(n+1) + … = 2^ROUNDS.
 * None for a hash with more; it is replaced at the next log-in.
 */
export function roundsToEqual(rounds: number): number[] {
  return Array.from({ length: Math.max(0, ROUNDS - rounds) }, (_, n) => rounds + n);
}

/**
 * True for a hash with other rounds than new ones, such as those of the old server. Fewer are weak; more take so long that
 * the time shows that the user exists.
 */
export function hasOtherRounds(passwordHash: string): boolean {
  const rounds = roundsOf(passwordHash);
  return rounds !== null && rounds !== ROUNDS;
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
