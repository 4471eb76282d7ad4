import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface CgroupMemory {
  /** Usage without the page cache that the kernel can reclaim (`inactive_file`). */
  readonly usedBytes: number;
  readonly limitBytes: number;
}

/** File names in cgroup versions 2 and 1. Source: `docs.kernel.org/admin-guide/cgroup-v2.html`, "Memory". */
const LAYOUTS = [
  { directory: '', usage: 'memory.current', limit: 'memory.max', inactive: 'inactive_file' },
  {
    directory: 'memory',
    usage: 'memory.usage_in_bytes',
    limit: 'memory.limit_in_bytes',
    inactive: 'total_inactive_file',
  },
] as const;

/** Version 1 writes "no limit" as the largest number of pages, which is above this. */
const NO_LIMIT_BYTES = 2 ** 53;

/**
 * Memory usage and limit of the cgroup of this process, as seen inside a container.
 * @param root mount point of the cgroup file system
 * @returns null without a cgroup or without a limit
 * @throws what the file system throws, except ENOENT
 */
export async function readCgroupMemory(root = '/sys/fs/cgroup'): Promise<CgroupMemory | null> {
  for (const { directory, usage, limit, inactive } of LAYOUTS) {
    const read = (name: string): Promise<string> => readFile(join(root, directory, name), 'utf8');
    try {
      const limitText = (await read(limit)).trim();
      const limitBytes = limitText === 'max' ? Infinity : Number(limitText);
      if (!(limitBytes < NO_LIMIT_BYTES)) return null;
      const [usageText, stat] = await Promise.all([read(usage), read('memory.stat')]);
      const inactiveBytes = Number(new RegExp(`^${inactive} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
      return { usedBytes: Math.max(0, Number(usageText) - inactiveBytes), limitBytes };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return null;
}
