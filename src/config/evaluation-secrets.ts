import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SettingsError, type FirstAdmin } from './settings.js';

/**
 * What only the evaluation database needs made up: kept in `DATA_DIR` (mode 0600) so that the next start signs with
 * the same secret and prints the same login.
 */
export interface EvaluationSecrets {
  readonly jwtSecret: string;
  readonly firstAdmin: FirstAdmin;
}

export function keepEvaluationSecrets(dataDir: string): EvaluationSecrets {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const jwtSecret = keep(join(dataDir, 'jwt-secret'), () => randomBytes(48).toString('base64url'));
    const login = JSON.parse(
      keep(join(dataDir, 'admin-login.json'), () =>
        JSON.stringify({ email: 'admin@samserver.local', password: randomBytes(12).toString('base64url') }),
      ),
    ) as { email: string; password: string };
    return { jwtSecret, firstAdmin: { email: login.email, password: login.password, isGenerated: true } };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError([`DATA_DIR: cannot keep the evaluation login there: ${reason}`]);
  }
}

/** Whole or not at all: a power cut between making and writing must not leave an empty secret behind. */
function keep(path: string, make: () => string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const content = make();
  const temporary = `${path}.${process.pid}.tmp`;
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(file, `${content}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  return content;
}
