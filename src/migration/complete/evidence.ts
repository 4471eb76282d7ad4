import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';

/** A log of years: its end is copied, and the whole is hashed. */
const MAX_LOG_BYTES = 10_000_000;
const CHUNK_BYTES = 1_000_000;
const MAX_FILES = 50_000;
/** Pictures have a manifest of their own (`samserver images`); packages are named by the lock file. */
const SKIPPED = new Set(['node_modules', '.git', 'uploads']);
const SUMS = 'SHA256SUMS';

/** The files that show later what ran before. Only its owner can read them: they contain secrets. */
export class Evidence {
  private readonly sums: string[] = [];

  private constructor(readonly directory: string) {}

  /** @throws Error of the file system, also when the directory exists */
  static async create(directory: string): Promise<Evidence> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new Evidence(directory);
  }

  async add(name: string, content: string | Buffer): Promise<void> {
    await writeFile(join(this.directory, name), content, { mode: 0o600, flush: true });
    this.sums.push(`${createHash('sha256').update(content).digest('hex')}  ${name}\n`);
  }

  /** @returns one line for the summary; a missing file is one too */
  async addLog(path: string): Promise<string> {
    const file = await openFile(path);
    if (file === null) return `${path}: cannot be read`;
    try {
      const { size } = await file.stat();
      const sha256 = await hashOf(file);
      const end = Buffer.alloc(Math.min(size, MAX_LOG_BYTES));
      await file.read(end, 0, end.length, size - end.length);
      await this.add(`log-${basename(path)}`, end);
      return `${path}: ${size} bytes, sha256 ${sha256}, the last ${end.length} bytes are copied`;
    } finally {
      await file.close();
    }
  }

  /** A manifest of the files below a directory, in the format of `sha256sum`. @returns their number */
  async addManifest(name: string, directory: string): Promise<number> {
    const lines: string[] = [];
    for await (const path of filesBelow(directory)) {
      const file = await openFile(path);
      if (file === null) continue;
      try {
        lines.push(`${await hashOf(file)}  ${relative(directory, path)}\n`);
      } finally {
        await file.close();
      }
    }
    await this.add(name, lines.sort().join(''));
    return lines.length;
  }

  /** `sha256sum -c SHA256SUMS` verifies all files. @returns the hash of that list */
  async close(): Promise<string> {
    const text = this.sums.join('');
    await writeFile(join(this.directory, SUMS), text, { mode: 0o600, flush: true });
    return createHash('sha256').update(text).digest('hex');
  }
}

/** Null when it is missing, of another user, or no file. Opening a named pipe would wait for its writer. */
async function openFile(path: string): Promise<FileHandle | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  if (file === null || (await file.stat()).isFile()) return file;
  await file.close();
  return null;
}

async function hashOf(file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let at = 0; ;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/** @throws Error for more files than a program has */
async function* filesBelow(root: string): AsyncGenerator<string> {
  const waiting = [root];
  let count = 0;
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop())
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) waiting.push(path);
      if (!entry.isFile()) continue;
      count += 1;
      if (count > MAX_FILES) throw new Error(`${root} has more than ${MAX_FILES} files`);
      yield path;
    }
}
