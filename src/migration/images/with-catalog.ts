import type { Settings } from '../../config/index.js';
import { type OpenDatabase, openDatabase } from '../../database/index.js';
import { ImageCatalogRepository } from '../../images/index.js';
import { vehicleIdsByBoxCode } from '../../vehicles/index.js';
import { UnavailableError } from '../exit-codes.js';
import type { ImagesJob } from './images-job.js';

/** The records of the pictures, for as long as the work takes. @throws UnavailableError */
export async function withCatalog<T>(
  settings: Settings,
  job: ImagesJob,
  work: (catalog: ImageCatalogRepository, vehicles: () => Promise<ReadonlyMap<string, string>>) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(settings, (news) => void job.io.stderr.write(`${news}\n`)).catch(
    (error: unknown) => {
      throw new UnavailableError(`the database is not there: ${(error as Error).message}`);
    },
  );
  try {
    job.assertNotInterrupted();
    await assertSchema(database, settings, job);
    return await work(ImageCatalogRepository.on(database.connection), () =>
      vehicleIdsByBoxCode(database.connection),
    );
  } finally {
    await database.close();
  }
}

/** The evaluation database's schema follows by itself; any other is brought forward by who means to. */
async function assertSchema(
  { migrations }: OpenDatabase,
  settings: Settings,
  { io }: ImagesJob,
): Promise<void> {
  if (settings.schema.onStart === 'up') await migrations.up({ signal: io.signal, retryFailed: false });
  else if ((await migrations.planUp()).run.length > 0)
    throw new UnavailableError("the database's schema is behind: samserver schema up");
}
