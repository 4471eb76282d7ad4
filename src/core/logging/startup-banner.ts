import type { FirstAdmin, Settings } from '../../config/index.js';

/**
 * The text on stdout when the service is ready: the addresses, and what to do next.
 * @param login the generated login of the evaluation database; null when it is not valid
 */
export function startupBanner(
  settings: Settings,
  httpPort: number,
  socketPort: number,
  login: FirstAdmin | null,
): string {
  const host = settings.http.host === '0.0.0.0' ? 'localhost' : settings.http.host;
  const lines = [
    `Samserver ${settings.release.version} is ready.`,
    '',
    `  HTTP API     http://${host}:${httpPort}`,
    `  API pages    http://${host}:${httpPort}/docs`,
    `  Sockets      http://${host}:${socketPort}  (/devices, /live)`,
  ];
  if (settings.mongo.url === null) {
    lines.push(
      `  Database     embedded, in ${settings.dataDir}; for evaluation only, set MONGODB_URL for production`,
    );
  }
  if (login) lines.push(`  Admin login  ${login.email}  ${login.password}`);
  lines.push('', 'Next, in two other terminals:  npm run watch   and   npm run replay', '');
  return `\n${lines.join('\n')}\n`;
}
