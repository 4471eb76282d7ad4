import { mkdir, open } from 'node:fs/promises';
import { dirname, relative } from 'node:path';

/** A name is only as durable as its directory. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes what is missing of a directory below `root`, which must exist, so that it is there after a power cut. */
export async function makeDurableDirectory(root: string, directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true });
  if (first === undefined) return;
  for (let each = directory; each !== root && !relative(root, each).startsWith('..'); each = dirname(each)) {
    await syncDirectory(dirname(each));
    if (each === first) return;
  }
}
