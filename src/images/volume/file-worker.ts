/** Thread of `FileWorkerPool`. Its file calls are synchronous: it serves one message at a time. Imports must stay free of Nest. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  futimesSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { HEADER_BYTES, readImageHeader } from '../formats/image-header.js';
import type { FileAnswer, FileResult, FileTask } from './file-worker-pool.js';

const buffer = Buffer.allocUnsafe(1 << 20);

parentPort?.on('message', (tasks: readonly { readonly id: number; readonly task: FileTask }[]) => {
  parentPort?.postMessage(tasks.map(({ id, task }): FileAnswer => ({ id, ...run(task) })));
});

/** A file that changes during each of these reads is reported. */
const READS_OF_A_CHANGING_FILE = 3;
const CHANGED_DURING_READ = 'changed while it was read';
const NOT_AN_IMAGE: FileResult = { sha256: '', sizeBytes: 0, mtimeMs: 0, header: null };

/** An error of writing a copy, in contrast to one of reading its source. */
class TargetError extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

function run(task: FileTask): Omit<FileAnswer, 'id'> {
  for (let reads = 1; ; reads += 1) {
    try {
      return { result: task.copyTo === undefined ? read(task, null) : copy(task, task.copyTo) };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (message === CHANGED_DURING_READ && reads < READS_OF_A_CHANGING_FILE) continue;
      return { fault: code ?? message, ...(error instanceof TargetError && { isTargetFault: true }) };
    }
  }
}

function onTarget<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new TargetError(code ?? message);
  }
}

/** Copies content and time. The copy is flushed before it gets its final name. */
function copy(task: FileTask, { path, temporary, sha256 }: NonNullable<FileTask['copyTo']>): FileResult {
  onTarget(() => mkdirSync(dirname(path), { recursive: true }));
  const target = onTarget(() => openSync(temporary, 'w', 0o640));
  try {
    const result = read(task, target);
    if (sha256 !== undefined && result.sha256 !== sha256) {
      rmSync(temporary);
      return result;
    }
    onTarget(() => {
      futimesSync(target, result.mtimeMs / 1_000, result.mtimeMs / 1_000);
      fdatasyncSync(target);
      renameSync(temporary, path);
    });
    return result;
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(target);
  }
}

function read({ path, isImageRequired }: FileTask, target: number | null): FileResult {
  // O_NONBLOCK: the file may have become a pipe since it was listed.
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const before = fstatSync(file);
    if (!before.isFile()) throw new Error('no plain file');
    const hash = createHash('sha256');
    let header: FileResult['header'] = null;
    let sizeBytes = 0;
    for (;;) {
      const count = readSync(file, buffer, 0, buffer.length, null);
      if (count === 0) break;
      const chunk = buffer.subarray(0, count);
      if (sizeBytes === 0) header = readImageHeader(chunk.subarray(0, HEADER_BYTES));
      if (header === null && isImageRequired) return NOT_AN_IMAGE;
      hash.update(chunk);
      if (target !== null) writeAll(target, chunk);
      sizeBytes += count;
    }
    // Bytes from before and after a change are the content of no file.
    const { size, mtimeMs } = fstatSync(file);
    if (size !== sizeBytes || mtimeMs !== before.mtimeMs) throw new Error(CHANGED_DURING_READ);
    return { sha256: hash.digest('hex'), sizeBytes, mtimeMs: Math.round(mtimeMs), header };
  } finally {
    closeSync(file);
  }
}

function writeAll(target: number, chunk: Buffer): void {
  onTarget(() => {
    for (let at = 0; at < chunk.length;) at += writeSync(target, chunk, at);
  });
}
