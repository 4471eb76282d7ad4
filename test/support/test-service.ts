import 'reflect-metadata';
import { PinoLogger, createPino } from '../../src/core/index.js';
import { loadSettings } from '../../src/config/index.js';
import { type RunningService, startService } from '../../src/app.js';
import { InstanceLifecycle } from '../../src/deployment/index.js';
import { SocketPort } from '../../src/gateway/index.js';
import { startTestDatabase, type TestDatabase } from './test-database.js';

export const ADMIN = { email: 'admin@example.org', password: 'correct horse battery' };
export const OPS_TOKEN = 'a test token that is long enough for ops'.replaceAll(' ', '-');
export const JWT_SECRET = 'a test secret that is long enough for HS256';

export interface Instance {
  readonly url: string;
  readonly socketUrl: string;
  readonly service: RunningService;
  stop(): Promise<void>;
}

export interface TestService extends Instance {
  readonly database: TestDatabase;
  /** Starts another instance on the same database. Stop it before this one. */
  another(env?: Record<string, string>): Promise<Instance>;
}

/**
 * Starts the whole service in this process, on free ports, with its own database.
 * @param shared the database of another instance to use; stop this instance before that one
 */
export async function startTestService(
  env: Record<string, string> = {},
  shared?: TestDatabase,
): Promise<TestService> {
  const database = shared ?? (await startTestDatabase());
  const instance = await startInstance(database.url, env);
  return {
    ...instance,
    database,
    another: (more = {}) => startInstance(database.url, { ...env, ...more }),
    stop: async () => {
      await instance.stop();
      if (!shared) await database.stop();
    },
  };
}

async function startInstance(databaseUrl: string, env: Record<string, string>): Promise<Instance> {
  const { settings } = loadSettings({
    MONGODB_URL: databaseUrl,
    JWT_SECRET,
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: '0',
    SOCKET_SERVER_PORT: '0',
    // Otherwise the end of every file waits for the connections that `fetch` keeps alive.
    HTTP_LINGER_MS: '0',
    SCHEMA_ON_START: 'up',
    // The directory would be common to all tests.
    LEGACY_SPOOL_MAX_BYTES: '0',
    ...env,
  });
  const pino = createPino(process.env['TEST_LOG'] ?? 'silent', { isTerminal: false, release: null });
  const logger = new PinoLogger(pino);
  const service = await startService(settings, logger);
  await service.app.get(InstanceLifecycle).whenFirstChecked();
  return {
    url: `http://127.0.0.1:${service.httpPort}`,
    socketUrl: `http://127.0.0.1:${service.socketPort}`,
    service,
    stop: () => service.stop(),
  };
}

/** Whether the server has begun to close the connection of this client. The client may notice it later. */
export function isClosedByServer({ service }: Instance, client: { io: { engine: { id: string } } }): boolean {
  const { clients } = service.app.get(SocketPort).io.engine as unknown as {
    readonly clients: Readonly<Record<string, { readonly readyState: string }>>;
  };
  return clients[client.io.engine.id]?.readyState !== 'open';
}
