import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface CgroupMemory {
  /** What counts against the limit for good: usage less the page cache that the kernel gives back (`inactive_file`). */
  readonly usedBytes: number;
  readonly limitBytes: number;
}

/** The same figures in cgroup version 2 (unified) and 1; `docs.kernel.org/admin-guide/cgroup-v2.html`, "Memory". */
const LAYOUTS = [
  { directory: '', usage: 'memory.current', limit: 'memory.max', inactive: 'inactive_file' },
  {
    directory: 'memory',
    usage: 'memory.usage_in_bytes',
    limit: 'memory.limit_in_bytes',
    inactive: 'total_inactive_file',
  },
] as const;

/** Version 1 has no word for "no limit": it gives the largest number of pages. */
const NO_LIMIT_BYTES = 2 ** 53;

/**
 * Of the cgroup this process runs in, as a container sees it.
 * @param root where cgroups are mounted
 * @returns null where there is none, or none with a limit
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
