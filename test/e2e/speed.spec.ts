import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const BENCH = resolve(import.meta.dirname, '../../bench/run.mjs');
/**
 * Smallest share of the floor by processor time, in one round on a machine with other load: half of the lowest that was seen.
 * Before tracks were kept in memory (ADR 14) it was 0.08 to 0.14. `npm run bench` measures the aims.
 */
const MIN_SHARE = 0.12;
/** CPU of the service for a request with two pictures. */
const MAX_PICTURES_MS = 12;

/** The part of the JSON of `npm run bench` that this test reads. */
interface Results {
  readonly parts: readonly [{ readonly tables: readonly { readonly rows: readonly Row[] }[] }];
}

interface Row {
  readonly case: string;
  readonly subject: string;
  readonly costShare: { readonly median: number } | null;
  readonly spreads: Readonly<Record<string, { readonly median: number } | undefined>>;
}

async function bench(...args: string[]): Promise<readonly Row[]> {
  const command = [BENCH, ...args, '--json', '--rounds', '1'];
  const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: 400_000 });
  return (JSON.parse(stdout) as Results).parts[0].tables[0]?.rows ?? [];
}

describe('the cost of a position', () => {
  it('is a bounded multiple of that of the smallest program that stores the same', async () => {
    const shares = (await bench('ingest', '--closed-only', '--seconds', '3'))
      .filter(({ subject }) => subject === 'Samserver')
      .map((row) => ({ case: row.case, share: row.costShare?.median ?? 0 }));
    console.info(shares);
    expect(shares).toHaveLength(3);
    for (const { share } of shares) expect(share).toBeGreaterThan(MIN_SHARE);
  }, 420_000);
});

describe('the cost of a picture request of an old box', () => {
  it('is bounded, also with pictures stored before, and each request is answered in time', async () => {
    const rows = await bench('boxes', '--records', '10000');
    const figures = rows.map((row) => ({
      case: row.case,
      serviceMs: row.spreads['serviceMs']?.median ?? NaN,
      maxMs: row.spreads['maxMs']?.median ?? NaN,
      failed: row.spreads['failed']?.median ?? NaN,
    }));
    console.info(figures);
    expect(figures).toHaveLength(2);
    for (const { serviceMs, maxMs, failed } of figures) {
      expect(failed).toBe(0);
      // The time-out of the boxes.
      expect(maxMs).toBeLessThan(3_000);
      // The aim is 8 ms; measured: 5 ms, and 15 ms before such requests had a way in of their own.
      expect(serviceMs).toBeLessThan(MAX_PICTURES_MS);
    }
  }, 420_000);
});
