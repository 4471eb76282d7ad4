import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

/** Number of devices. Few, to keep CI short; `npm run soak` reconnects 10,000. */
const COUNT = Number(process.env['SAMSERVER_RECONNECTS'] ?? (process.env['CI'] === 'true' ? 2_000 : 500));
const WITHIN_S = 10;
/** Limit of the contract. On a machine with other load, the measured value is that of the machine, not of the service. */
const MAX_P99_MS = 200;
const BENCH = resolve(import.meta.dirname, '../../bench/run.mjs');

/** The part of the JSON of `npm run bench` that this test reads. */
interface Results {
  readonly parts: readonly [{ readonly tables: readonly [{ readonly samples: readonly [Sample] }] }];
}

interface Sample {
  readonly values: {
    readonly back: number;
    readonly tookS: number;
    readonly lockedOut: number;
    readonly healthP99Ms: number;
  };
}

describe('reconnecting', () => {
  it(`${COUNT} devices within ${WITHIN_S} s: all reconnect, none is locked out, and the event loop stays responsive`, async () => {
    const args = [BENCH, 'reconnects', '--json', '--count', String(COUNT), '--within', String(WITHIN_S)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 170_000 });
    const { values } = (JSON.parse(stdout) as Results).parts[0].tables[0].samples[0];
    console.info(values);
    expect(values).toMatchObject({ back: COUNT, lockedOut: 0 });
    expect(values.tookS).toBeLessThan(WITHIN_S + 5);
    expect(values.healthP99Ms).toBeLessThan(MAX_P99_MS);
  });
});
