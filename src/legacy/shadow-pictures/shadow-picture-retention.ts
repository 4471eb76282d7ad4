import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SETTINGS, type Settings } from '../../config/index.js';
import { BackgroundJobs, Clock, pacedStep } from '../../core/index.js';
import { DatabaseConnection } from '../../database/index.js';
import { ShadowPicturesRepository, type ShadowRequest } from './shadow-pictures.repository.js';

/** Issue 15. Test panels show the newest ones, and owed ones are written within minutes after a change. */
const KEPT_MS = 48 * 3_600_000;
const INTERVAL_MS = 600_000;
const STEP_SIZE = 100;
const PAUSE_FACTOR = 1;
/** The old server's layout has a directory for each minute and each day. */
const DIRECTORY_LEVELS = 2;

/** Deletes the pictures in LEGACY_SHADOW_DIR after 48 h: files, empty directories, records. */
@Injectable()
export class ShadowPictureRetention implements OnApplicationBootstrap {
  constructor(
    private readonly requests: ShadowPicturesRepository,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'legacy'>,
  ) {}

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'legacy-shadow-retention',
      intervalMs: INTERVAL_MS,
      lock: {},
      startsAfter: () => this.database.whenStarted(),
      run: (signal) => this.sweep(signal),
    });
  }

  /** @throws storage's errors, and those of the file system but ENOENT */
  async sweep(signal?: AbortSignal): Promise<void> {
    const before = new Date(this.clock.nowMs() - KEPT_MS);
    while (!signal?.aborted) {
      const step = await this.requests.listBefore(before, STEP_SIZE);
      if (step.length === 0) return;
      await pacedStep(() => this.remove(step), signal, PAUSE_FACTOR);
    }
  }

  private async remove(step: readonly ShadowRequest[]): Promise<void> {
    const paths = step.flatMap(({ files }) => files.flatMap(({ path }) => path ?? []));
    for (const path of paths) await this.removeFile(path);
    for (const folder of new Set(paths.map(dirname))) await this.removeEmpty(folder);
    await this.requests.remove(step);
  }

  private async removeFile(path: string): Promise<void> {
    await unlink(join(this.settings.legacy.shadowDirectory, path)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
  }

  private async removeEmpty(folder: string): Promise<void> {
    let each = folder;
    for (let level = 0; level < DIRECTORY_LEVELS; level += 1, each = dirname(each)) {
      try {
        await rmdir(join(this.settings.legacy.shadowDirectory, each));
      } catch {
        // It holds other files, or it is gone.
        return;
      }
    }
  }
}
