import { createRequire } from 'node:module';

type Bcrypt = typeof import('bcrypt');

// The real package: Jest maps the name `bcrypt` to this file.
const bcrypt = createRequire(import.meta.url)('../../node_modules/bcrypt/bcrypt.js') as Bcrypt;

const TEST_ROUNDS = 4;
/** Rounds of the old server's hashes. Hashes with this number of rounds or fewer are computed and compared unchanged. */
const MAX_REAL_ROUNDS = 10;
const withRounds = (passwordHash: string, rounds: number): string =>
  passwordHash.replace(/^(\$2[ab]\$)\d\d/, `$1${String(rounds).padStart(2, '0')}`);

/** Rounds of each comparison since the start of this test file. */
export const comparedRounds: number[] = [];
/** Hashes of this file: the returned hash -> the hash that was computed with fewer rounds. */
const computed = new Map<string, string>();

/**
 * bcrypt for integration tests. A hash of more than 10 rounds is computed with 4, which takes a 256th of the time, and is
 * returned with the requested number of rounds in its text. Such a hash from another source never matches. Unit and e2e
 * tests use the real package.
 */
export async function hash(password: string, rounds: number): Promise<string> {
  if (rounds <= MAX_REAL_ROUNDS) return bcrypt.hash(password, rounds);
  const cheap = await bcrypt.hash(password, TEST_ROUNDS);
  const shown = withRounds(cheap, rounds);
  computed.set(shown, cheap);
  return shown;
}

export function compare(password: string, passwordHash: string): Promise<boolean> {
  const rounds = Number(/^\$2[ab]\$(\d\d)/.exec(passwordHash)?.[1]);
  comparedRounds.push(rounds);
  return bcrypt.compare(
    password,
    computed.get(passwordHash) ??
      (rounds > MAX_REAL_ROUNDS ? withRounds(passwordHash, TEST_ROUNDS) : passwordHash),
  );
}
