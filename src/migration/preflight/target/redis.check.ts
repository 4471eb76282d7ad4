import { type Check, failed, ok, warning } from '../check.js';
import { withoutLogin } from '../secret-censor.js';

const TIMEOUT_MS = 5_000;

/** A ping and the version. @param url null: no Redis is configured */
export async function checkRedis(url: string | null): Promise<Check> {
  if (url === null)
    return warning(
      'redis',
      'none is configured',
      'one instance works without; set REDIS_URL for two or more',
    );
  const { createClient } = await import('redis');
  const client = createClient({
    url,
    socket: { connectTimeout: TIMEOUT_MS, reconnectStrategy: false },
    disableOfflineQueue: true,
  });
  // Errors reach the caller through the promises below.
  client.on('error', () => undefined);
  const place = withoutLogin(url) ?? 'Redis';
  const timeout = setTimeout(() => void client.disconnect().catch(() => undefined), 2 * TIMEOUT_MS);
  try {
    await client.connect();
    await client.ping();
    const version = /redis_version:(\d+\.\d+)/.exec(await client.info('server'))?.[1] ?? 'unknown';
    return Number(version) < 6.2
      ? failed('redis', `${place} answers, version ${version}`, 'Samserver needs Redis 6.2 or newer')
      : ok('redis', `${place} answers, version ${version}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return failed('redis', `${place}: ${reason}`, 'correct LIVE_REDIS_… of the old server, or start Redis');
  } finally {
    clearTimeout(timeout);
    await client.disconnect().catch(() => undefined);
  }
}
