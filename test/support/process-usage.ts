import { readFileSync } from 'node:fs';

/** Resident memory of a process on Linux, MB. */
export function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kb ?? NaN) / 1_024;
}

/** Highest resident memory of a process so far on Linux, MB. The kernel keeps it, so a late sample misses little. Null after its end. */
export function peakMbOf(pid: number): number | null {
  try {
    const kb = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kb) / 1_024 || null;
  } catch {
    return null;
  }
}

/** CPU time of a process since its start, seconds; `/proc` counts in hundredths of a second. */
export function cpuSeconds(pid: number): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? '';
  const fields = afterName.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
