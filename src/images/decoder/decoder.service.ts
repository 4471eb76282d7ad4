import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SETTINGS, type Settings } from '../../config/index.js';
import { FairLimiter } from '../../core/index.js';
import type { ImageType } from '../formats/image-type.js';
import { imageDamaged, imagesBusy, noThumbnail, tooFewBytes, tooManyPixels } from '../image.errors.js';

/** Check that an image is complete, read its size and, unless it is to be kept, remove its metadata. */
export interface ExamineJob {
  readonly kind: 'examine';
  /** Absolute. */
  readonly path: string;
  readonly contentType: ImageType;
  readonly sha256: string;
  readonly maxPixels: number;
  readonly isMetadataKept: boolean;
}

export interface ExamineResult {
  /** Pixels, with the orientation applied. */
  readonly width: number;
  readonly height: number;
  /** Size of the file after the job. */
  readonly sizeBytes: number;
  readonly sha256: string;
  /** See `CleanedImage`. */
  readonly keptParts: readonly string[];
}

export interface ThumbnailJob {
  readonly kind: 'thumbnail';
  /** Absolute. */
  readonly path: string;
  readonly contentType: ImageType;
  /** Absolute path of the complete WebP after the job. */
  readonly target: string;
  /** Absolute path of the unfinished file, on the same file system as `target`. */
  readonly temporary: string;
  /** Pixels. */
  readonly width: number;
  readonly maxPixels: number;
}

/** Message from the service to the decoder process. */
export type DecoderJob = ExamineJob | ThumbnailJob;

interface DecoderResults {
  readonly examine: ExamineResult;
  readonly thumbnail: null;
}

/** `failed`: the image is not the cause, e.g. a disk error. */
export type DecoderFault = 'damaged' | 'too-many-pixels' | 'too-few-bytes' | 'no-decoder' | 'failed';

/** Message from the decoder process to the service. */
export type DecoderAnswer<T> =
  { readonly isDone: true; readonly result: T } | { readonly isDone: false; readonly fault: DecoderFault };

/** The largest photo of a phone takes a second on a slow core. */
const TIME_LIMIT_MS = 20_000;
/** At a quarter of a second each, the last job in the queue waits 25 s; clients do not wait much longer. */
const MAX_WAITING = 100;
/** The process ends after this time without a job and frees its memory. */
const IDLE_MS = 60_000;
const HEAP_MB = 96;

// A process runs compiled code only. Jest runs the sources, so there the path points to the output of `npm run build`.
const WORKER_FILE = fileURLToPath(
  new URL('./decoder-worker.js', import.meta.url.replace(/\/src(\/images\/decoder\/[^/]+\.ts)$/, '/dist$1')),
);

/**
 * Decodes images in a separate process, one at a time and in turn for the callers, with limits of memory (`IMAGE_DECODER_MEMORY_MB`) and time. An
 * image that exhausts a limit or crashes the decoder ends that process; its upload is refused and the next job starts
 * a new process. The process gets no setting and no secret of the service.
 */
@Injectable()
export class DecoderService implements OnApplicationShutdown {
  private readonly logger = new Logger(DecoderService.name);
  private readonly inTurn = new FairLimiter({ maxRunning: 1, maxWaiting: MAX_WAITING }, imagesBusy);
  private child: ChildProcess | null = null;
  private idle: NodeJS.Timeout | null = null;

  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  /** Process id of the running decoder; null when none runs. For tests and measurements. */
  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /**
   * @param caller jobs of one caller delay only each other: the vehicle or user that the job is for
   * @throws images/damaged, images/too-many-pixels, images/busy
   */
  examine(
    caller: string,
    job: Omit<ExamineJob, 'kind' | 'maxPixels' | 'isMetadataKept'>,
  ): Promise<ExamineResult> {
    const { maxPixels, isExifKept } = this.settings.images;
    return this.run<'examine'>(caller, { kind: 'examine', maxPixels, isMetadataKept: isExifKept, ...job });
  }

  /** @param caller as for `examine` @throws images/no-thumbnail, images/damaged, images/too-many-pixels, images/busy */
  async makeThumbnail(caller: string, job: Omit<ThumbnailJob, 'kind' | 'maxPixels'>): Promise<void> {
    await this.run<'thumbnail'>(caller, {
      kind: 'thumbnail',
      maxPixels: this.settings.images.maxPixels,
      ...job,
    });
  }

  onApplicationShutdown(): void {
    this.kill();
  }

  private run<Kind extends DecoderJob['kind']>(
    caller: string,
    job: DecoderJob,
  ): Promise<DecoderResults[Kind]> {
    return this.inTurn.run({ key: caller, rank: 'known' }, () => this.decode<DecoderResults[Kind]>(job));
  }

  private async decode<T>(job: DecoderJob): Promise<T> {
    const answer = await this.request<T>(job);
    if (answer.isDone) return answer.result;
    throw this.errorOf(answer.fault);
  }

  private request<T>(job: DecoderJob): Promise<DecoderAnswer<T>> {
    if (this.idle) clearTimeout(this.idle);
    const child = (this.child ??= this.start());
    return new Promise((settle) => {
      const finish = (answer: DecoderAnswer<T>): void => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit).off('error', onError);
        this.idle = setTimeout(() => this.kill(), IDLE_MS);
        this.idle.unref();
        settle(answer);
      };
      const onMessage = (answer: DecoderAnswer<T>): void => finish(answer);
      const onExit = (code: number | null, signal: string | null): void => {
        this.logger.warn(
          { kind: job.kind, path: job.path, code, signal },
          'image decoder ended during a job',
        );
        this.child = null;
        finish({ isDone: false, fault: 'damaged' });
      };
      const onError = (): void => {
        this.child = null;
        finish({ isDone: false, fault: 'failed' });
      };
      const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT_MS);
      child.on('message', onMessage).on('exit', onExit).on('error', onError);
      child.send(job);
    });
  }

  private start(): ChildProcess {
    const child = fork(WORKER_FILE, [String(this.settings.images.decoderMemoryMb)], {
      execArgv: [`--max-old-space-size=${HEAP_MB}`],
      // One thread for files and one for pixels. With a single malloc arena the allocator can return freed memory.
      env: { UV_THREADPOOL_SIZE: '2', MALLOC_ARENA_MAX: '1' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'json',
    });
    child.on('error', (error) => this.logger.error({ err: error }, 'image decoder cannot be started'));
    child.once('exit', () => {
      if (this.child === child) this.child = null;
    });
    // The child must not keep the service from ending.
    child.unref();
    child.channel?.unref();
    return child;
  }

  private kill(): void {
    if (this.idle) clearTimeout(this.idle);
    this.child?.kill('SIGKILL');
    this.child = null;
  }

  private errorOf(fault: DecoderFault): Error {
    switch (fault) {
      case 'damaged':
        return imageDamaged();
      case 'too-many-pixels':
        return tooManyPixels(this.settings.images.maxPixels);
      case 'too-few-bytes':
        return tooFewBytes();
      case 'no-decoder':
        return noThumbnail();
      case 'failed':
        return imagesBusy();
    }
  }
}
