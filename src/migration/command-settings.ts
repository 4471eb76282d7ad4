import { loadSettings, type Settings, SettingsError } from '../config/index.js';
import { CommandError, type CommandIo, EXIT_CODES } from '../core/commands/index.js';

/** Prints the notices on stderr. @throws CommandError with the exit code CONFIG that names every wrong setting */
export function loadCommandSettings(io: CommandIo): Settings {
  try {
    const { settings, notices } = loadSettings(io.env);
    for (const notice of notices) io.stderr.write(`${notice}\n`);
    return settings;
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    throw new CommandError(error.message, EXIT_CODES.CONFIG);
  }
}
