import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SETTINGS, type Settings } from '../../config/index.js';
import { imageDamaged, imagesBusy, noThumbnail, tooManyPixels } from '../image.errors.js';
import type {
  DecoderAnswer,
  DecoderFault,
  DecoderJob,
  ExamineResult,
  ExamineJob,
  DecoderResults,
  ThumbnailJob,
} from './decoder-protocol.js';

/** A phone's largest picture takes a second on a slow core; what takes this long is no picture. */
const TIME_LIMIT_MS = 20_000;
/** With a quarter of a second each, the last in line waits as long as a patient client. */
const MAX_QUEUE_LENGTH = 100;
/** Its memory is given back when nobody needs it. */
const IDLE_MS = 60_000;
const HEAP_MB = 96;

// A process runs compiled code only; under Jest, which runs the sources, that of `npm run build`.
const WORKER_FILE = fileURLToPath(
  new URL('./decoder-worker.js', import.meta.url.replace(/\/src(\/images\/decoder\/[^/]+\.ts)$/, '/dist$1')),
);

/**
 * Decodes pictures in one process of its own, one after the other, with a limit of memory (`IMAGE_DECODER_MEMORY_MB`) and
 * of time: a picture made to break the decoder ends that process, and its upload with a refusal; the next job starts a
 * new one. It knows no setting and no secret of the service.
 */
@Injectable()
export class DecoderService implements OnApplicationShutdown {
  private readonly logger = new Logger(DecoderService.name);
  private child: ChildProcess | null = null;
  private idle: NodeJS.Timeout | null = null;
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  /** For tests and figures: the process that decodes, if there is one just now. */
  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /** @throws images/damaged, images/too-many-pixels, images/busy */
  examine(job: Omit<ExamineJob, 'kind' | 'maxPixels' | 'isMetadataKept'>): Promise<ExamineResult> {
    const { maxPixels, isExifKept } = this.settings.images;
    return this.run<'examine'>({ kind: 'examine', maxPixels, isMetadataKept: isExifKept, ...job });
  }

  /** @throws images/no-thumbnail, images/damaged, images/too-many-pixels, images/busy */
  async makeThumbnail(job: Omit<ThumbnailJob, 'kind' | 'maxPixels'>): Promise<void> {
    await this.run<'thumbnail'>({ kind: 'thumbnail', maxPixels: this.settings.images.maxPixels, ...job });
  }

  onApplicationShutdown(): void {
    this.end();
  }

  private run<Kind extends DecoderJob['kind']>(job: DecoderJob): Promise<DecoderResults[Kind]> {
    if (this.waiting >= MAX_QUEUE_LENGTH) throw imagesBusy();
    this.waiting += 1;
    const turn = this.last.then(() => this.decode<DecoderResults[Kind]>(job));
    this.last = turn.catch(() => undefined).finally(() => (this.waiting -= 1));
    return turn;
  }

  private async decode<T>(job: DecoderJob): Promise<T> {
    const answer = await this.ask<T>(job);
    if (answer.isDone) return answer.result;
    throw this.errorOf(answer.fault);
  }

  private ask<T>(job: DecoderJob): Promise<DecoderAnswer<T>> {
    if (this.idle) clearTimeout(this.idle);
    const child = (this.child ??= this.start());
    return new Promise((settle) => {
      const finish = (answer: DecoderAnswer<T>): void => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit).off('error', onError);
        this.idle = setTimeout(() => this.end(), IDLE_MS);
        this.idle.unref();
        settle(answer);
      };
      const onMessage = (answer: DecoderAnswer<T>): void => finish(answer);
      const onExit = (code: number | null, signal: string | null): void => {
        this.logger.warn(
          { kind: job.kind, path: job.path, code, signal },
          'the decoder ended over a picture',
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
      // One thread for files and one for pixels; fewer arenas, so that what is freed can be given back.
      env: { UV_THREADPOOL_SIZE: '2', MALLOC_ARENA_MAX: '1' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'json',
    });
    child.on('error', (error) => this.logger.error({ err: error }, 'the decoder cannot be started'));
    child.once('exit', () => {
      if (this.child === child) this.child = null;
    });
    // Alone it keeps no process from ending.
    child.unref();
    child.channel?.unref();
    return child;
  }

  private end(): void {
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
      case 'no-decoder':
        return noThumbnail();
      case 'failed':
        return imagesBusy();
    }
  }
}
