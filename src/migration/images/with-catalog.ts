import type { Settings } from '../../config/index.js';
import type { CommandIo } from '../../core/commands/index.js';
import { ImageCatalogRepository, ImageRecordsModule } from '../../images/index.js';
import { VehicleServicesModule, VehiclesService } from '../../vehicles/index.js';
import { requireCurrentSchema, withCommandContext } from '../command-context.js';

/** Runs `work` with the image records and the vehicle ids by box code. @throws CommandError */
export function withCatalog<T>(
  io: CommandIo,
  settings: Settings,
  work: (catalog: ImageCatalogRepository, vehicles: () => Promise<ReadonlyMap<string, string>>) => Promise<T>,
): Promise<T> {
  return withCommandContext(
    io,
    [ImageRecordsModule, VehicleServicesModule],
    async (context) => {
      await requireCurrentSchema(context, settings, io.signal);
      return work(context.get(ImageCatalogRepository), () => context.get(VehiclesService).boxes());
    },
    settings,
  );
}
