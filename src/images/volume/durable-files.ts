import * as fs from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { promisify } from 'node:util';

const [openDescriptor, fsync, close] = [promisify(fs.open), promisify(fs.fsync), promisify(fs.close)];

/** Flushes the names in a directory: a new or renamed file is durable only after this. */
export async function syncDirectory(directory: string): Promise<void> {
  // A file handle of fs/promises costs several times as much as a descriptor, and each stored image needs this.
  const descriptor = await openDescriptor(directory, 'r');
  try {
    await fsync(descriptor);
  } finally {
    await close(descriptor);
  }
}

/** Creates the missing directories below `root` durably. `root` must exist. */
export async function makeDurableDirectory(root: string, directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true });
  if (first === undefined) return;
  for (let each = directory; each !== root && !relative(root, each).startsWith('..'); each = dirname(each)) {
    await syncDirectory(dirname(each));
    if (each === first) return;
  }
}

/** Replaces the content of a file durably. At any moment the file has the old or the new content, never a part. */
export async function replaceDurably(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w', 0o644);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}
