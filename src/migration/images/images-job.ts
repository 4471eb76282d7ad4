import { createHash } from 'node:crypto';
import type { CommandIo } from '../../tools/client/index.js';
import { FileWorkerPool } from '../../images/index.js';
import { printable } from './printable-path.js';
import { Progress } from './progress.js';
import { type TreeFault, type TreeFile, walkTree } from './tree-walk.js';

/** So many of each kind are named on the terminal; a report file has them all. */
const MAX_PRINTED_PER_KIND = 20;

export interface FileIssue {
  readonly kind: string;
  readonly path: string;
  readonly detail?: string;
}

/** What every command on a picture directory has: threads, a list of what it found, a way to stop. */
export class ImagesJob {
  readonly workers: FileWorkerPool;
  readonly findings: Readonly<Record<string, number>> = {};
  private progress: Progress | null = null;

  constructor(
    readonly io: CommandIo,
    private readonly report: ((finding: FileIssue) => unknown) | null,
    threads?: number,
  ) {
    this.workers = new FileWorkerPool(threads);
  }

  /** Every file, until the command is interrupted. */
  async *files(root: string): AsyncGenerator<TreeFile, void, undefined> {
    for await (const file of walkTree(root, (fault) => this.unreadable(fault))) {
      this.assertNotInterrupted();
      yield file;
    }
  }

  /** How many there are, so that there is a time left to tell. */
  async count(root: string): Promise<{ files: number; bytes: number }> {
    const total = { files: 0, bytes: 0 };
    for await (const { sizeBytes } of walkTree(root, () => undefined)) {
      this.assertNotInterrupted();
      total.files += 1;
      total.bytes += sizeBytes;
    }
    return total;
  }

  /** What is done is written down: the same command goes on there. */
  assertNotInterrupted(): void {
    if (this.io.signal.aborted) throw new InterruptedError();
  }

  startProgress(name: string, total: { files: number; bytes: number } | null): void {
    this.progress?.stop();
    this.progress = new Progress(this.io.stderr, name, total);
  }

  done(sizeBytes: number): void {
    this.progress?.add(sizeBytes);
  }

  unreadable({ path, reason }: TreeFault): void {
    this.found({ kind: 'unreadable', path, detail: reason });
  }

  found(finding: FileIssue): void {
    const counts = this.findings as Record<string, number>;
    const count = (counts[finding.kind] ?? 0) + 1;
    counts[finding.kind] = count;
    this.report?.(finding);
    if (count > MAX_PRINTED_PER_KIND) return;
    const { kind, path, detail } = finding;
    this.io.stderr.write(`${kind}: ${printable(path)}${detail === undefined ? '' : ` (${detail})`}\n`);
    if (count === MAX_PRINTED_PER_KIND)
      this.io.stderr.write(`${kind}: more are only counted; --report has them all\n`);
  }

  countOf(...kinds: readonly string[]): number {
    return kinds.reduce((sum, kind) => sum + (this.findings[kind] ?? 0), 0);
  }

  async stop(): Promise<void> {
    this.progress?.stop();
    await this.workers.stop();
  }
}

/** Somebody pressed Ctrl-C. */
export class InterruptedError extends Error {}

/** The same files are the same sample at each run of one day's seed; another seed looks at others. */
export function isInSample(path: string, seed: string, percent: number): boolean {
  const digest = createHash('sha256').update(`${seed}\0${path}`).digest();
  return digest.readUInt32BE(0) / 2 ** 32 < percent / 100;
}
