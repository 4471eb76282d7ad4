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

/** The part of the JSON of `npm run bench` that this test reads. */
interface Results {
  readonly parts: readonly [{ readonly tables: readonly { readonly rows: readonly Row[] }[] }];
}

interface Row {
  readonly case: string;
  readonly subject: string;
  readonly costShare: { readonly median: number } | null;
}

describe('the cost of a position', () => {
  it('is a bounded multiple of that of the smallest program that stores the same', async () => {
    const args = [BENCH, 'ingest', '--json', '--seconds', '3', '--rounds', '1'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 400_000 });
    const [closedLoop] = (JSON.parse(stdout) as Results).parts[0].tables;
    const shares = (closedLoop?.rows ?? [])
      .filter(({ subject }) => subject === 'Samserver')
      .map((row) => ({ case: row.case, share: row.costShare?.median ?? 0 }));
    console.info(shares);
    expect(shares).toHaveLength(3);
    for (const { share } of shares) expect(share).toBeGreaterThan(MIN_SHARE);
  }, 420_000);
});
