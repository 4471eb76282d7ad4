import { Inject, Injectable, Logger, type OnModuleInit, type OnApplicationShutdown } from '@nestjs/common';
import { constants } from 'node:fs';
import { access, mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidMarkerError, isEmptyDirectory, readMarker, writeMarker } from './volume-marker.js';
import { INCOMING_DIRECTORY, THUMBNAILS_DIRECTORY, UPLOADS_DIRECTORY } from './volume-layout.js';
import { readVerification, type VolumeVerification } from './volume-verification.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DeploymentIdService, StartupTasks } from '../../database/index.js';
import { volumeFull, volumeUnavailable } from '../image.errors.js';

const INTERVAL_MS = 2_000;
const TIMEOUT_MS = 500;
/** The first look decides about the start. */
const FIRST_TIMEOUT_MS = 5_000;
/** A machine that is busy for a moment is no volume that hangs. */
const SLOW_CHECKS_UNTIL_SLOW = 3;

/**
 * `none`: no IMAGE_DIR. `missing`: not there, or it cannot be read. `empty`, `unmarked`: no marker, with nothing or
 * with something in it. `foreign`: another deployment's. `slow`: no answer in time. `read-only`: shows, takes nothing.
 */
export type VolumeState =
  'none' | 'unchecked' | 'usable' | 'read-only' | 'missing' | 'empty' | 'unmarked' | 'foreign' | 'slow';

export interface VolumeReport {
  readonly state: VolumeState;
  readonly freeBytes: number | null;
  readonly totalBytes: number | null;
  /** What the last `samserver images verify` found. */
  readonly verified: VolumeVerification | null;
}

const NO_DETAILS = { freeBytes: null, totalBytes: null, verified: null } as const;

/**
 * The place where pictures are kept: whether it is the right one, and whether it has room. Looked at on a timer; who
 * asks reads the last result. A volume that is away costs the pictures and nothing else.
 */
@Injectable()
export class ImageVolume implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(ImageVolume.name);
  private readonly path: string | null;
  private last: VolumeReport = { state: 'unchecked', ...NO_DETAILS };
  private deploymentId: string | null = null;
  /** Whose volume it must be is known: before that no look at it says anything. */
  private isDeploymentResolved = false;
  private timer: NodeJS.Timeout | null = null;
  private slowChecks = 0;
  private checking: Promise<VolumeReport> | null = null;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly deployment: DeploymentIdService,
    private readonly startupTasks: StartupTasks,
  ) {
    this.path = settings.images.directory;
  }

  get report(): VolumeReport {
    return this.last;
  }

  /** Where pictures are read from. @throws images/volume-unavailable */
  get directory(): string {
    if (this.path === null || (this.last.state !== 'usable' && this.last.state !== 'read-only'))
      throw volumeUnavailable();
    return this.path;
  }

  /** A full volume is no reason not to delete. @throws images/volume-unavailable */
  get directoryForDeleting(): string {
    if (this.path === null || this.last.state !== 'usable') throw volumeUnavailable();
    return this.path;
  }

  /** Where pictures are put. @throws images/volume-unavailable, images/volume-full */
  get directoryForNewFiles(): string {
    const path = this.directoryForDeleting;
    const { freeBytes, totalBytes } = this.last;
    const leastBytes = ((totalBytes ?? 0) * this.settings.images.minFreePct) / 100;
    if (freeBytes !== null && freeBytes < leastBytes + this.settings.images.maxBytes) throw volumeFull();
    return path;
  }

  onModuleInit(): void {
    this.startupTasks.add('picture volume', async () => {
      this.deploymentId = await this.deployment.find();
      this.isDeploymentResolved = true;
      if (this.path !== null && this.deploymentId !== null && this.settings.mongo.url === null)
        await prepareEvaluationVolume(this.path, this.deploymentId);
      await this.check();
      this.timer ??= setInterval(() => void this.check(), INTERVAL_MS).unref();
    });
  }

  onApplicationShutdown(): void {
    if (this.timer) clearInterval(this.timer);
  }

  /** Looks now; one look at a time, so that a volume that hangs costs one thread. */
  async check(): Promise<VolumeReport> {
    this.checking ??= this.look().finally(() => (this.checking = null));
    const isFirst = this.last.state === 'unchecked';
    const inTime = await Promise.race([
      this.checking,
      sleep(isFirst ? FIRST_TIMEOUT_MS : TIMEOUT_MS, null, { ref: false }),
    ]);
    this.slowChecks = inTime ? 0 : this.slowChecks + 1;
    const isSlow = isFirst || this.slowChecks >= SLOW_CHECKS_UNTIL_SLOW;
    const result = inTime ?? (isSlow ? { state: 'slow' as const, ...NO_DETAILS } : this.last);
    if (result.state !== this.last.state)
      this.logger[result.state === 'usable' ? 'log' : 'warn'](
        { path: this.path, state: result.state },
        'picture volume',
      );
    return (this.last = result);
  }

  private async look(): Promise<VolumeReport> {
    if (this.path === null) return { state: 'none', ...NO_DETAILS };
    if (!this.isDeploymentResolved) return { state: 'unchecked', ...NO_DETAILS };
    try {
      // `samserver init` may come after the start.
      this.deploymentId ??= await this.deployment.find();
      const { bavail, blocks, bsize } = await statfs(this.path);
      const room = { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
      return { state: await this.stateOf(this.path), ...room, verified: await readVerification(this.path) };
    } catch (error) {
      this.logger.debug({ err: error }, 'picture volume');
      return { state: error instanceof InvalidMarkerError ? 'foreign' : 'missing', ...NO_DETAILS };
    }
  }

  private async stateOf(path: string): Promise<VolumeState> {
    const id = await readMarker(path);
    if (id === null) return (await isEmptyDirectory(path)) ? 'empty' : 'unmarked';
    // A database that was never initialised may be anybody's: where lives hang on it, that is one too many.
    const isRight = this.deploymentId === null ? !this.settings.isLive : id === this.deploymentId;
    if (!isRight) return 'foreign';
    try {
      await access(path, constants.W_OK);
      if (this.last.state !== 'usable') await makeWorkDirectories(path);
      return 'usable';
    } catch {
      return 'read-only';
    }
  }
}

/** Only the evaluation database's own: everybody else says `samserver init`, and means it. */
async function prepareEvaluationVolume(path: string, deploymentId: string): Promise<void> {
  await mkdir(path, { recursive: true });
  if ((await readMarker(path)) === null && (await isEmptyDirectory(path)))
    await writeMarker(path, deploymentId);
}

async function makeWorkDirectories(path: string): Promise<void> {
  for (const each of [INCOMING_DIRECTORY, THUMBNAILS_DIRECTORY, UPLOADS_DIRECTORY])
    await mkdir(join(path, each), { recursive: true });
}
