import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ImageHeader } from '../formats/image-type.js';

/** A file to read, hash and optionally copy. */
export interface FileTask {
  /** Absolute. */
  readonly path: string;
  readonly copyTo?: {
    readonly path: string;
    readonly temporary: string;
    /** The copy gets its final name only when its content has this hash. Default: any. */
    readonly sha256?: string;
  };
  /** A file that is no image is read no further; its result is empty. */
  readonly isImageRequired?: boolean;
}

export interface FileResult {
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Time of the last change, whole epoch milliseconds. */
  readonly mtimeMs: number;
  readonly header: ImageHeader | null;
}

export interface FileAnswer {
  readonly id: number;
  readonly result?: FileResult;
  /** Error code of the system, e.g. `ENOENT`. */
  readonly fault?: string;
  /** The fault is one of writing the copy. */
  readonly isTargetFault?: true;
}

export type FileOutcome = Omit<FileAnswer, 'id'>;

// A thread runs compiled code only. Jest runs the sources, so there the path points to the output of `npm run build`.
const WORKER_FILE = new URL(
  './file-worker.js',
  import.meta.url.replace(/\/src(\/images\/volume\/[^/]+\.ts)$/, '/dist$1'),
);

/** One message costs as much as hashing 20 kB, so it carries several small files. */
const TASKS_PER_MESSAGE = 8;
/** More threads would only wait for the same disk. */
const MAX_THREADS = 8;
const HEAP_MB = 24;
const YOUNG_MB = 4;

/** Worker threads that read and hash files. Hashing occupies one core per thread. */
export class FileWorkerPool {
  private readonly workers: Worker[];
  private readonly waiting = new Map<number, (outcome: FileOutcome) => void>();
  private readonly queue: { readonly id: number; readonly task: FileTask }[] = [];
  private readonly idle: Worker[];
  private nextId = 0;
  private failure: Error | null = null;

  constructor(threads = Math.min(availableParallelism(), MAX_THREADS)) {
    this.workers = Array.from({ length: threads }, () => this.start());
    this.idle = [...this.workers];
  }

  /** Number of tasks to have in flight so that every thread is busy. */
  get window(): number {
    return this.workers.length * TASKS_PER_MESSAGE * 3;
  }

  run(task: FileTask): Promise<FileOutcome> {
    return new Promise((settle, reject) => {
      if (this.failure) return reject(this.failure);
      const id = (this.nextId += 1);
      this.waiting.set(id, settle);
      this.queue.push({ id, task });
      // Dispatched in the next turn of the event loop, so that tasks added together share a message.
      if (this.queue.length === 1) setImmediate(() => this.dispatch());
      else if (this.queue.length >= TASKS_PER_MESSAGE) this.dispatch();
      return undefined;
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  private dispatch(): void {
    while (this.queue.length > 0) {
      const worker = this.idle.pop();
      if (!worker) return;
      worker.postMessage(this.queue.splice(0, TASKS_PER_MESSAGE));
    }
  }

  private start(): Worker {
    const worker = new Worker(WORKER_FILE, {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    worker.on('message', (answers: readonly FileAnswer[]) => {
      this.idle.push(worker);
      this.dispatch();
      for (const { id, ...outcome } of answers) {
        this.waiting.get(id)?.(outcome);
        this.waiting.delete(id);
      }
    });
    worker.on('error', (error) => {
      this.failure = error;
      for (const settle of this.waiting.values()) settle({ fault: error.message });
    });
    return worker;
  }
}
