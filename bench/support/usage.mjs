/** Processor time and memory of processes, from /proc (Linux). */
import { readFileSync } from 'node:fs';
import { clearInterval, setInterval } from 'node:timers';

/** CPU time of a process with all its threads since its start, seconds; `/proc` counts in hundredths of a second. */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory, MB. */
export function rssMb(pid) {
  return megabytes(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS');
}

/** Resident memory, MB, with shared pages divided among the processes that share them. */
export function pssMb(pid) {
  return megabytes(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss');
}

/** Samples the resident memory of a process until `end`, which returns the highest value, MB. */
export function watchMemory(pid, everyMs = 20) {
  let peakMb = 0;
  const sample = () => {
    try {
      const mb = rssMb(pid);
      // A process that begins or ends has no value.
      if (mb > peakMb) peakMb = mb;
    } catch {
      // The process has ended.
    }
  };
  sample();
  const timer = setInterval(sample, everyMs);
  return {
    end() {
      clearInterval(timer);
      sample();
      return peakMb;
    },
  };
}

function megabytes(text, field) {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? NaN) / 1_024;
}
