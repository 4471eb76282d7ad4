import { appendFile } from 'node:fs/promises';
import type { Reconciliation, Rehearsal } from './rehearsal.js';

export type Figures = Readonly<Record<string, string | number>>;

/** What every run has in common. */
export function figuresOf({ traffic, durationsMs }: Rehearsal, stored: Reconciliation): Figures {
  const good = traffic.probes.filter(({ isGood }) => isGood).length;
  const { panel, watcher } = traffic.longestGapsMs;
  return {
    posts: stored.posts,
    failed: stored.failed.length,
    lost: stored.lost.length,
    doubled: stored.doubled.length,
    uncertain: stored.uncertain.length,
    owed: stored.owed,
    'uptime, %': Number(((100 * good) / traffic.probes.length).toFixed(3)),
    'longest gap of a panel, s': seconds(panel ?? 0),
    'longest gap of a watcher, s': seconds(watcher ?? 0),
    ...Object.fromEntries(Object.entries(durationsMs).map(([name, ms]) => [`${name}, s`, seconds(ms)])),
  };
}

export const seconds = (ms: number): number => Math.round(ms / 100) / 10;

export function percentileMs(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Prints a table, and adds a line of JSON to the file of SAMSERVER_REHEARSE_JSON. */
export async function print(run: string, figures: Figures): Promise<void> {
  const width = Math.max(...Object.keys(figures).map(({ length }) => length));
  const rows = Object.entries(figures).map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  process.stdout.write(`\nRehearsal: ${run}\n${rows.join('\n')}\n`);
  const file = process.env['SAMSERVER_REHEARSE_JSON'];
  if (file !== undefined) await appendFile(file, `${JSON.stringify({ run, ...figures })}\n`);
}
