import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HealthIndicatorService } from '@nestjs/terminus';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../../config/index.js';
import { CertificateHealth } from './certificate.health.js';

const CERTIFICATES = new URL('../../../test/support/certificates/', import.meta.url);
/** `openssl x509 -enddate` of long.pem. */
const ENDS_MS = Date.parse('2126-10-31T21:53:21Z');
const DAY_MS = 86_400_000;

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'samserver-certificate-'));
  path = join(directory, 'fullchain.pem');
  copyFileSync(new URL('long.pem', CERTIFICATES), path);
});
afterEach(() => rmSync(directory, { recursive: true }));

async function check(nowMs: number, certPath: string | null = path): Promise<unknown> {
  const settings = { tls: { certPath } } as Settings;
  const health = new CertificateHealth(new HealthIndicatorService(), { nowMs: () => nowMs }, settings);
  return (await health.check())['certificate'];
}

describe('CertificateHealth', () => {
  it.each([
    [400, []],
    [14, []],
    [13, ['tls.expiring']],
    [0, ['tls.expiring']],
    [-1, ['tls.expired']],
  ])('with %d whole days left reports %j', async (daysLeft, reasons) => {
    expect(await check(ENDS_MS - (daysLeft + 0.5) * DAY_MS)).toMatchObject({
      status: 'up',
      issues: reasons.map((reason) => ({ effect: 'degraded', reason })),
      detail: { daysLeft },
    });
  });

  it('is down for an invalid certificate and for a missing file', async () => {
    writeFileSync(path, 'no certificate');
    expect(await check(ENDS_MS)).toMatchObject({ status: 'down' });
    rmSync(path);
    expect(await check(ENDS_MS)).toMatchObject({ status: 'down' });
  });

  it('is up without a configured certificate', async () => {
    expect(await check(ENDS_MS, null)).toMatchObject({ status: 'up' });
  });
});
