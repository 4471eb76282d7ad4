import { readFileSync } from 'node:fs';
import { decodeTextFile } from './raw-values.js';
import { InvalidSettingError } from './setting-types.js';
import { SettingsError } from './settings.js';

/**
 * Adds the variables of an env file to the environment of this process. Variables that are set keep their values.
 * @throws SettingsError when the file has another encoding than UTF-8 without a byte order mark: Node would read other
 * names from it, and ENVIRONMENT=LIVE would be lost without an error
 */
export function loadEnvFile(path: string): void {
  try {
    if (decodeTextFile(readFileSync(path)).startsWith('\uFEFF')) {
      throw new InvalidSettingError('the file starts with a byte order mark; save it as UTF-8 without one');
    }
    process.loadEnvFile(path);
  } catch (error) {
    const isWrong = error instanceof InvalidSettingError;
    const reason = isWrong
      ? error.message
      : `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
    throw new SettingsError([`${path}: ${reason}`]);
  }
}
