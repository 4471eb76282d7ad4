import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { constants } from 'node:fs';
import { access, mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SETTINGS, type Settings } from '../../config/index.js';
import { type BackgroundJob, BackgroundJobs } from '../../core/index.js';
import { DeploymentIdService, StartupTasks } from '../../database/index.js';
import { volumeFull, volumeUnavailable } from '../image.errors.js';
import { INCOMING_DIRECTORY, THUMBNAILS_DIRECTORY, UPLOADS_DIRECTORY } from './volume-layout.js';
import { InvalidMarkerError, isEmptyDirectory, readMarker, writeMarker } from './volume-marker.js';
import { readVerification, type VolumeVerification } from './volume-verification.js';

const INTERVAL_MS = 2_000;
const TIMEOUT_MS = 500;
/** The first check decides whether the instance becomes ready. */
const FIRST_TIMEOUT_MS = 5_000;
/** One slow check may come from a busy machine; this many in a row come from the volume. */
const SLOW_CHECKS_UNTIL_SLOW = 3;

/**
 * `none`: IMAGE_DIR is not set. `missing`: the directory does not exist or cannot be read. `empty`, `unmarked`: no
 * marker file, in an empty or a non-empty directory. `foreign`: marked by another deployment. `slow`: the check timed
 * out. `read-only`: images can be read and not written.
 */
export type VolumeState =
  'none' | 'unchecked' | 'usable' | 'read-only' | 'missing' | 'empty' | 'unmarked' | 'foreign' | 'slow';

export interface VolumeReport {
  readonly state: VolumeState;
  readonly freeBytes: number | null;
  readonly totalBytes: number | null;
  /** The result of the last `samserver images verify`. */
  readonly verified: VolumeVerification | null;
}

const NO_DETAILS = { freeBytes: null, totalBytes: null, verified: null } as const;

/**
 * The directory of all image files (IMAGE_DIR). A background job checks that it is this deployment's volume and how
 * much space is left; callers read the last result. Only image routes depend on it: without it, positions are still
 * accepted.
 */
@Injectable()
export class ImageVolume implements OnModuleInit {
  private readonly logger = new Logger(ImageVolume.name);
  private readonly path: string | null;
  private last: VolumeReport = { state: 'unchecked', ...NO_DETAILS };
  private deploymentId: string | null = null;
  /** The deployment id was looked up; before that a check has no result. */
  private isDeploymentResolved = false;
  private job: BackgroundJob | null = null;
  private slowChecks = 0;
  private checking: Promise<VolumeReport> | null = null;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly deployment: DeploymentIdService,
    private readonly startupTasks: StartupTasks,
    private readonly jobs: BackgroundJobs,
  ) {
    this.path = settings.images.directory;
  }

  /** The result of the last check. */
  get report(): VolumeReport {
    return this.last;
  }

  /** The volume, for reading. @throws images/volume-unavailable */
  get directory(): string {
    if (this.path === null || (this.last.state !== 'usable' && this.last.state !== 'read-only'))
      throw volumeUnavailable();
    return this.path;
  }

  /** The volume, for deleting: a full one is allowed. @throws images/volume-unavailable */
  get directoryForDeleting(): string {
    if (this.path === null || this.last.state !== 'usable') throw volumeUnavailable();
    return this.path;
  }

  /** The volume, for new files. @throws images/volume-unavailable, images/volume-full */
  get directoryForNewFiles(): string {
    const path = this.directoryForDeleting;
    const { freeBytes, totalBytes } = this.last;
    const minFreeBytes = ((totalBytes ?? 0) * this.settings.images.minFreePct) / 100;
    if (freeBytes !== null && freeBytes < minFreeBytes + this.settings.images.maxBytes) throw volumeFull();
    return path;
  }

  onModuleInit(): void {
    this.startupTasks.add('image volume', async () => {
      this.deploymentId = await this.deployment.find();
      this.isDeploymentResolved = true;
      if (this.path !== null && this.deploymentId !== null && this.settings.mongo.url === null)
        await prepareEvaluationVolume(this.path, this.deploymentId);
      await this.check();
      // A startup task may run again after a failure.
      this.job ??= this.jobs.start({
        name: 'image-volume-check',
        intervalMs: INTERVAL_MS,
        run: async () => void (await this.check()),
      });
    });
  }

  /** Checks now. Only one check runs at a time, so that a volume that hangs blocks one thread of the pool and no more. */
  async check(): Promise<VolumeReport> {
    this.checking ??= this.measure().finally(() => (this.checking = null));
    const isFirst = this.last.state === 'unchecked';
    const measured = await Promise.race([
      this.checking,
      sleep(isFirst ? FIRST_TIMEOUT_MS : TIMEOUT_MS, null, { ref: false }),
    ]);
    this.slowChecks = measured ? 0 : this.slowChecks + 1;
    const isSlow = isFirst || this.slowChecks >= SLOW_CHECKS_UNTIL_SLOW;
    const result = measured ?? (isSlow ? { state: 'slow' as const, ...NO_DETAILS } : this.last);
    if (result.state !== this.last.state)
      this.logger[result.state === 'usable' ? 'log' : 'warn'](
        { path: this.path, state: result.state },
        'image volume state changed',
      );
    return (this.last = result);
  }

  private async measure(): Promise<VolumeReport> {
    if (this.path === null) return { state: 'none', ...NO_DETAILS };
    if (!this.isDeploymentResolved) return { state: 'unchecked', ...NO_DETAILS };
    try {
      // `samserver init` may run after the start.
      this.deploymentId ??= await this.deployment.find();
      const { bavail, blocks, bsize } = await statfs(this.path);
      const space = { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
      return { state: await this.stateOf(this.path), ...space, verified: await readVerification(this.path) };
    } catch (error) {
      this.logger.debug({ err: error }, 'image volume check failed');
      return { state: error instanceof InvalidMarkerError ? 'foreign' : 'missing', ...NO_DETAILS };
    }
  }

  private async stateOf(path: string): Promise<VolumeState> {
    const id = await readMarker(path);
    if (id === null) return (await isEmptyDirectory(path)) ? 'empty' : 'unmarked';
    // Without an id in the database the volume cannot be verified; a live service does not accept that.
    const isOwn = this.deploymentId === null ? !this.settings.isLive : id === this.deploymentId;
    if (!isOwn) return 'foreign';
    try {
      await access(path, constants.W_OK);
      if (this.last.state !== 'usable') await makeWorkDirectories(path);
      return 'usable';
    } catch {
      return 'read-only';
    }
  }
}

/** Marks the volume of the evaluation database automatically. Only `samserver init` marks any other volume. */
async function prepareEvaluationVolume(path: string, deploymentId: string): Promise<void> {
  await mkdir(path, { recursive: true });
  if ((await readMarker(path)) === null && (await isEmptyDirectory(path)))
    await writeMarker(path, deploymentId);
}

async function makeWorkDirectories(path: string): Promise<void> {
  for (const each of [INCOMING_DIRECTORY, THUMBNAILS_DIRECTORY, UPLOADS_DIRECTORY])
    await mkdir(join(path, each), { recursive: true });
}
