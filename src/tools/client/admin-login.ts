/** Whose account a run uses, without anybody having to type it on an evaluation database. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from './command-options.js';

export interface AdminLogin {
  readonly email: string;
  readonly password: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The options, then `ADMIN_EMAIL` and `ADMIN_PASSWORD`, then the file that the service keeps on the embedded
 * database. A part that was given is never paired with a part of the file.
 * @throws UsageError that names what is missing; no message holds a password
 */
export async function findAdminLogin(
  given: { readonly email?: string; readonly password?: string },
  env: Environment,
): Promise<AdminLogin> {
  // An empty variable is how shells and compose files say "not set".
  const email = given.email ?? (env.ADMIN_EMAIL || undefined);
  const password = given.password ?? (env.ADMIN_PASSWORD || undefined);
  if (email !== undefined && password !== undefined) return { email, password };
  if (email !== undefined) throw new UsageError('a password is missing: --password or ADMIN_PASSWORD');
  if (given.password !== undefined) throw new UsageError('an email is missing: --email or ADMIN_EMAIL');
  return readLoginFile(join(env.DATA_DIR || 'data', 'admin-login.json'));
}

async function readLoginFile(path: string): Promise<AdminLogin> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : 'cannot be read';
    throw new UsageError(
      `no login: ${path} ${reason}; give --email and --password, or ADMIN_EMAIL and ADMIN_PASSWORD`,
    );
  }
  try {
    const { email, password } = JSON.parse(text) as Partial<Record<keyof AdminLogin, unknown>>;
    if (typeof email === 'string' && typeof password === 'string') return { email, password };
  } catch {
    // Said below; what a parser quotes could be the password.
  }
  throw new UsageError(`no login: ${path} holds no email and password`);
}
