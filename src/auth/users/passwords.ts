/** 2^12 rounds: about a quarter of a second on these machines. */
export const ROUNDS = 12;
/** A hash that asks for more would hold a thread for seconds: nobody made it for logging in. */
const MAX_ROUNDS = 16;
const MIN_ROUNDS = 4;

/** Compared against when there is no hash to compare with, so that every answer takes as long; never a match. */
export const DUMMY_HASH = '$2b$12$FPKTUIBxvPPP3ce2CNi2fOzX5t9x.DD9UoOt/Ixfv0hh.Try2hzY.';

/** bcrypt reads so many bytes of a password and passes over the rest in silence. */
export const MAX_PASSWORD_BYTES = 72;
export const MIN_PASSWORD_BYTES = 12;
/** What may be tried at a log-in: the old server let longer ones be chosen, of which bcrypt read the beginning. */
export const MAX_LOGIN_PASSWORD_LENGTH = 1_024;

/** log2 of a bcrypt hash's rounds; null for anything that is none, or that nobody could wait for. */
export function roundsOf(passwordHash: string): number | null {
  const rounds = Number(/^\$2[ab]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(passwordHash)?.[1] ?? NaN);
  return rounds >= MIN_ROUNDS && rounds <= MAX_ROUNDS ? rounds : null;
}

/** True for a hash of the old server that is cheaper to guess against than ours. */
export function isWeak(passwordHash: string): boolean {
  const rounds = roundsOf(passwordHash);
  return rounds !== null && rounds < ROUNDS;
}

/** In bytes of UTF-8: a letter outside ASCII takes two to four of them. */
export function isPasswordLength(password: string): boolean {
  const sizeBytes = Buffer.byteLength(password);
  return sizeBytes >= MIN_PASSWORD_BYTES && sizeBytes <= MAX_PASSWORD_BYTES;
}
