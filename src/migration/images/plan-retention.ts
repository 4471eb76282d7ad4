import { statfs } from 'node:fs/promises';
import type { Settings } from '../../config/index.js';
import type { CommandIo } from '../../core/commands/index.js';
import { RetentionPlanner, RetentionPlannerModule } from '../../images/index.js';
import { PictureReferencesModule } from '../../legacy/index.js';
import { requireCurrentSchema, withCommandContext } from '../command-context.js';

/** What one rule of retention deletes now. */
export interface PlannedRule {
  readonly reason: string;
  /** null: of all vehicles and of none. */
  readonly vehicleId: string | null;
  readonly images: number;
  readonly bytes: number;
  /** `createdAt` of the newest image that is deleted; null without one. */
  readonly newest: Date | null;
}

/** Deletes nothing. @param directory the volume */
export function planRetention(
  io: CommandIo,
  settings: Settings,
  directory: string,
): Promise<readonly PlannedRule[]> {
  return withCommandContext(
    io,
    [RetentionPlannerModule, PictureReferencesModule],
    async (context) => {
      await requireCurrentSchema(context, settings, io.signal);
      const planner = context.get(RetentionPlanner);
      const { bavail, blocks, bsize } = await statfs(directory);
      const rules = await planner.rules({ freeBytes: bavail * bsize, totalBytes: blocks * bsize });
      const planned = await planner.plan(rules);
      return planned.map(({ reason, vehicleId, images, bytes, newest }) => ({
        ...{ reason, vehicleId, images, bytes, newest },
      }));
    },
    settings,
  );
}
