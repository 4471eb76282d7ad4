import { stallingDatabase, type StallingProxy } from './stalling-proxy.js';
import { startTestDatabase, type TestDatabase } from './test-database.js';
import { startTestService, type TestService } from './test-service.js';
import { createTestVolume, type TestVolume } from './test-volume.js';

/** A service with a picture volume, on a database that can stop answering. */
export interface StallingService {
  readonly database: TestDatabase;
  readonly proxy: StallingProxy;
  readonly volume: TestVolume;
  readonly service: TestService;
  stop(): Promise<void>;
}

export async function startStallingService(env: Readonly<Record<string, string>>): Promise<StallingService> {
  const database = await startTestDatabase();
  const { proxy, url } = await stallingDatabase(database.url);
  const volume = await createTestVolume();
  const service = await startTestService({ ...env, ...volume.env }, { ...database, url });
  return {
    ...{ database, proxy, volume, service },
    stop: async () => {
      proxy.resume();
      await service.stop();
      await proxy.close();
      await database.stop();
      await volume.remove();
    },
  };
}
