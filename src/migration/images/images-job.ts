import { createHash } from 'node:crypto';
import { type CommandIo, InterruptedError, printable, ProgressDisplay } from '../../core/commands/index.js';
import { FileWorkerPool } from '../../images/volume/index.js';
import { type TreeFault, type TreeFile, walkTree } from './tree-walk.js';

/** Issues of each kind that are printed; the report file has all of them. */
const MAX_PRINTED_PER_KIND = 20;
const PROGRESS_LINE_INTERVAL_MS = 10_000;

export interface FileIssue {
  readonly kind: string;
  readonly path: string;
  readonly detail?: string;
}

/** The parts that all `images` commands share: reading threads, issues, progress and interruption. */
export class ImagesJob {
  readonly workers: FileWorkerPool;
  readonly findings: Readonly<Record<string, number>> = {};
  private progress: { readonly display: ProgressDisplay; readonly counter: ProgressCounter } | null = null;

  constructor(
    readonly io: CommandIo,
    private readonly report: ((issue: FileIssue) => unknown) | null,
    threads?: number,
  ) {
    this.workers = new FileWorkerPool(threads);
  }

  /** Every file below `root`. @throws InterruptedError */
  async *files(root: string): AsyncGenerator<TreeFile, void, undefined> {
    for await (const file of walkTree(root, (fault) => this.reportUnreadable(fault))) {
      this.assertNotInterrupted();
      yield file;
    }
  }

  /** Counts the files below `root`, so that the progress can show the time left. */
  async count(root: string): Promise<{ files: number; bytes: number }> {
    const total = { files: 0, bytes: 0 };
    for await (const { sizeBytes } of walkTree(root, () => undefined)) {
      this.assertNotInterrupted();
      total.files += 1;
      total.bytes += sizeBytes;
    }
    return total;
  }

  /** Finished work is in a checkpoint: the same command continues from there. */
  assertNotInterrupted(): void {
    if (this.io.signal.aborted)
      throw new InterruptedError('interrupted: the same command continues from here');
  }

  startProgress(name: string, total: { files: number; bytes: number } | null): void {
    this.progress?.display.stop();
    const counter = new ProgressCounter(name, total);
    const lines = (): string[] => [counter.line()];
    const display = new ProgressDisplay(this.io.stderr, lines, PROGRESS_LINE_INTERVAL_MS);
    this.progress = { display, counter };
    display.start();
  }

  addProgress(sizeBytes: number): void {
    this.progress?.counter.add(sizeBytes);
  }

  reportUnreadable({ path, reason }: TreeFault): void {
    this.reportIssue({ kind: 'unreadable', path, detail: reason });
  }

  reportIssue(issue: FileIssue): void {
    const counts = this.findings as Record<string, number>;
    const count = (counts[issue.kind] ?? 0) + 1;
    counts[issue.kind] = count;
    this.report?.(issue);
    if (count > MAX_PRINTED_PER_KIND) return;
    const { kind, path, detail } = issue;
    this.io.stderr.write(`${kind}: ${printable(path)}${detail === undefined ? '' : ` (${detail})`}\n`);
    if (count === MAX_PRINTED_PER_KIND)
      this.io.stderr.write(`${kind}: further files are only counted; --report writes all of them\n`);
  }

  countOf(...kinds: readonly string[]): number {
    return kinds.reduce((sum, kind) => sum + (this.findings[kind] ?? 0), 0);
  }

  async stop(): Promise<void> {
    this.progress?.display.stop();
    await this.workers.stop();
  }
}

/** One seed always selects the same files; another seed selects others. */
export function isInSample(path: string, seed: string, percent: number): boolean {
  const digest = createHash('sha256').update(`${seed}\0${path}`).digest();
  return digest.readUInt32BE(0) / 2 ** 32 < percent / 100;
}

/** Counts files and bytes and formats them as one line with rate and time left. */
class ProgressCounter {
  private files = 0;
  private bytes = 0;
  private readonly startedMs = performance.now();

  /** @param total of all files; null when it is not known */
  constructor(
    private readonly name: string,
    private readonly total: { readonly files: number; readonly bytes: number } | null,
  ) {}

  add(bytes: number): void {
    this.files += 1;
    this.bytes += bytes;
  }

  line(): string {
    const seconds = (performance.now() - this.startedMs) / 1_000;
    const rate = `${Math.round(this.files / seconds)} files/s, ${(this.bytes / 1e6 / seconds).toFixed(0)} MB/s`;
    if (!this.total) return `${this.name}: ${this.files} files, ${megabytes(this.bytes)} MB, ${rate}`;
    const share = this.total.files === 0 ? 1 : this.files / this.total.files;
    const left = share > 0 ? duration((seconds / share) * (1 - share)) : 'unknown';
    const percent = `${(share * 100).toFixed(1)} %`;
    return `${this.name}: ${this.files} of ${this.total.files} files, ${percent}, ${rate}, ${left} left`;
  }
}

export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60)];
  return hours > 0
    ? `${hours} h ${minutes} min`
    : minutes > 0
      ? `${minutes} min ${whole % 60} s`
      : `${whole} s`;
}
