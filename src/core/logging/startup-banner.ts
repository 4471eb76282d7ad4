import type { Logger } from 'pino';
import type { FirstAdmin, Settings } from '../../config/index.js';

export interface ReadyService {
  readonly settings: Settings;
  readonly httpPort: number;
  readonly socketPort: number;
  /** The generated login of the evaluation database; null when it is not valid. */
  readonly login: FirstAdmin | null;
}

/**
 * Announces that the service is ready: with a banner at a terminal on the evaluation database, otherwise with one line of
 * the log, which stays JSON. The login of the evaluation database is part of both.
 */
export function announceReady(
  ready: ReadyService,
  terminal: { write(text: string): unknown } | null,
  log: Logger,
): void {
  const { settings, httpPort, socketPort, login } = ready;
  const isEvaluation = settings.mongo.url === null;
  if (isEvaluation && terminal) return void terminal.write(startupBanner(ready));
  const fields = { host: settings.http.host, httpPort, socketPort };
  if (!isEvaluation) return log.info(fields, 'samserver is ready');
  const adminLogin = login ? `${login.email} ${login.password}` : undefined;
  log.warn({ ...fields, adminLogin }, 'samserver is ready, on the database for evaluation only');
}

/** The addresses, and what to do next. */
function startupBanner({ settings, httpPort, socketPort, login }: ReadyService): string {
  const host = settings.http.host === '0.0.0.0' ? 'localhost' : settings.http.host;
  const lines = [
    `Samserver ${settings.release.version} is ready.`,
    '',
    `  HTTP API     http://${host}:${httpPort}`,
    `  API pages    http://${host}:${httpPort}/docs`,
    `  Sockets      http://${host}:${socketPort}  (/devices, /live)`,
    `  Database     embedded, in ${settings.dataDir}; for evaluation only, set MONGODB_URL for production`,
  ];
  if (login) lines.push(`  Admin login  ${login.email}  ${login.password}`);
  lines.push('', 'Next, in two other terminals:  npm run watch   and   npm run replay', '');
  return `\n${lines.join('\n')}\n`;
}
