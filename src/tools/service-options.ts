import { type Command, Option } from 'commander';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { originArgument, UnavailableError, UsageError } from '../core/commands/index.js';
import { UnreachableError } from './client/index.js';

/** The options of a command that works with a running service. */
export interface ServiceOptions {
  readonly url: string;
  readonly socketUrl: string;
  readonly email?: string;
  readonly password?: string;
}

export interface AdminLogin {
  readonly email: string;
  readonly password: string;
}

/** @param roleText the role that the user needs, for the help */
export function addServiceOptions(command: Command, roleText: string): Command {
  return command
    .addOption(
      new Option('--url <url>', 'the HTTP API').argParser(originArgument).default('http://127.0.0.1:5000'),
    )
    .addOption(
      new Option('--socket-url <url>', 'the socket port')
        .argParser(originArgument)
        .default('http://127.0.0.1:5050'),
    )
    .option('--email <email>', `the user, ${roleText} (default: see Login)`)
    .option('--password <password>', 'the password of the user')
    .addHelpText(
      'after',
      '\nLogin: --email and --password, or ADMIN_EMAIL and ADMIN_PASSWORD, or the login that\n' +
        'a service with the embedded database keeps in $DATA_DIR/admin-login.json\n' +
        '(default: data/admin-login.json).',
    );
}

/**
 * The login from the options, the environment or the login file, in this order. A part from the options or the
 * environment is never combined with a part from the file.
 * @throws UsageError that names the missing part; no message contains a password
 */
export async function findAdminLogin(
  given: { readonly email?: string; readonly password?: string },
  env: Readonly<Record<string, string | undefined>>,
): Promise<AdminLogin> {
  // Shells and compose files set an empty variable for "not set".
  const email = given.email ?? (env.ADMIN_EMAIL || undefined);
  const password = given.password ?? (env.ADMIN_PASSWORD || undefined);
  if (email !== undefined && password !== undefined) return { email, password };
  if (email !== undefined) throw new UsageError('a password is missing: give --password or ADMIN_PASSWORD');
  if (given.password !== undefined) throw new UsageError('an email is missing: give --email or ADMIN_EMAIL');
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
    // The error below does not quote the parser, whose message can contain the password.
  }
  throw new UsageError(`no login: ${path} holds no email and password`);
}

/** @throws UnavailableError in place of UnreachableError */
export async function withServiceErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    throw new UnavailableError(`${error.message}\nno service answers there; start one with: npm start`, {
      cause: error,
    });
  }
}
