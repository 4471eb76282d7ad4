import { readFile } from 'node:fs/promises';
import { UsageError } from '../../core/commands/index.js';

/** The ops token of the service, from `OPS_TOKEN` or the file `OPS_TOKEN_FILE`. @throws UsageError; no message has the token */
export async function opsTokenOf(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  if (env['OPS_TOKEN']) return env['OPS_TOKEN'];
  const path = env['OPS_TOKEN_FILE'];
  if (!path)
    throw new UsageError('OPS_TOKEN or OPS_TOKEN_FILE is needed: the routes for operators ask for it');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`OPS_TOKEN_FILE: ${path} cannot be read (${error.code})`);
  });
  return text.trim();
}
