import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SettingsError, type FirstAdmin } from './settings.js';

/** Secrets that only the embedded evaluation database needs to have generated. */
interface EvaluationSecrets {
  readonly jwtSecret: string;
  readonly firstAdmin: FirstAdmin;
}

/**
 * Keeps the secrets in `DATA_DIR` (file mode 0600), so that the next start signs with the same key and prints the same
 * login.
 * @throws SettingsError when the directory cannot be used
 */
export function loadOrCreateEvaluationSecrets(dataDir: string): EvaluationSecrets {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const jwtSecret = loadOrCreate(join(dataDir, 'jwt-secret'), () => randomBytes(48).toString('base64url'));
    const login = JSON.parse(
      loadOrCreate(join(dataDir, 'admin-login.json'), () =>
        JSON.stringify({ email: 'admin@samserver.local', password: randomBytes(12).toString('base64url') }),
      ),
    ) as { email: string; password: string };
    return { jwtSecret, firstAdmin: { email: login.email, password: login.password, isGenerated: true } };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError([`DATA_DIR: cannot keep the evaluation login there: ${reason}`]);
  }
}

/** Writes by rename: a power cut while writing must not leave an empty secret. */
function loadOrCreate(path: string, create: () => string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const content = create();
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
