import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadReport } from '../../src/migration/load/load-report.js';
import { loadCommand } from '../../src/migration/load/index.js';
import { type CommandIo, runCommandLine } from '../../src/core/commands/index.js';
import { temporaryDirectory } from '../support/child-process.js';
import { faultyProxy, type Fault } from '../support/faulty-proxy.js';
import { OldDatabase } from '../support/old-database.js';
import { OldServer } from '../support/old-server.js';
import { ADMIN, startTestService, type TestService } from '../support/test-service.js';
import { createTestVolume } from '../support/test-volume.js';

const BOXES = ['990001', '990002'];
const LOGIN = ['--email', ADMIN.email, '--password', ADMIN.password];
/** Three seconds of two boxes: ten positions of each. */
/** The process of the tests holds what earlier specs have loaded: the usual limit of memory would end the load at once. */
const SHORT = ['--boxes', '2', '--position-every', '0.3', '--duration', '3', '--max-memory', '8000'];
/** Four posts of each box. */
const OFTEN = ['--pictures-every', '0.7'];
/**
 * One post of each box. Of two picture posts at the same time the old server can lose one, because it reads and writes the
 * newest post in two steps.
 */
const ONCE = ['--pictures-every', '3'];

let volume: Awaited<ReturnType<typeof createTestVolume>>;
let service: TestService;
let old: OldServer;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeAll(async () => {
  directory = await temporaryDirectory();
  volume = await createTestVolume();
  service = await startTestService({ ...volume.env, LEGACY_CLIENTS: 'on' });
  old = await OldServer.start();
  const database = await OldDatabase.open(old.database.url);
  for (const code of BOXES) await database.addAmbulance(code);
  await database.close();
  // The first requests of a process take longer than a box waits. The old server writes no history until it has written
  // the vehicle's document.
  await load([...samserver(), ...SHORT, ...ONCE, '--devices', '1', '--settle', '1']);
  await load([...oldServer(), ...SHORT, ...ONCE, '--settle', '1']);
});
afterAll(async () => {
  await old.stop();
  await service.stop();
  await volume.remove();
  await directory.remove();
});

async function load(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ exitCode: number; report: LoadReport; out: string; err: string }> {
  const io = { out: '', err: '' };
  const commandIo: CommandIo = {
    env,
    stdout: { write: (text) => (io.out += text) },
    stderr: { write: (text) => (io.err += text) },
    signal: new AbortController().signal,
  };
  const entries = [{ name: 'load', summary: '', load: () => Promise.resolve(loadCommand) }];
  const exitCode = await runCommandLine(['load', ...args, '--json'], commandIo, entries);
  const report = (io.out.startsWith('{') ? JSON.parse(io.out) : {}) as LoadReport;
  return { exitCode, report, ...io };
}

const samserver = (url = service.url): string[] => [
  ...['--url', service.url, '--socket-url', service.socketUrl, '--boxes-url', url],
  ...LOGIN,
];
const oldServer = (url = old.url): string[] => [
  ...['--boxes-url', url, '--panels-url', old.socketUrl, '--stores', 'old'],
  ...['--old-database', old.database.url, '--old-pictures', join(old.directory, 'public')],
];

const kindOf = (report: LoadReport, kind: string) => report.kinds.find((row) => row.kind === kind);

describe('samserver load', () => {
  it('finds every post of boxes and devices once in Samserver, and at its panels and watchers', async () => {
    const ledger = join(directory.path, 'ledger.jsonl');
    const { exitCode, report, err } = await load([
      ...samserver(),
      ...SHORT,
      ...OFTEN,
      ...['--crash-every', '1.5', '--devices', '2', '--panels', '2', '--watchers', '1', '--ledger', ledger],
    ]);
    expect({ err, examples: report.examples, viewers: report.viewers }).toMatchObject({ examples: [] });
    expect(exitCode).toBe(0);
    expect(kindOf(report, 'position')).toMatchObject({
      outcomes: { acknowledged: 20 },
      stores: { samserver: { once: 20, lost: 0, doubled: 0 } },
    });
    expect(kindOf(report, 'picture')?.stores.samserver).toMatchObject({ once: 16, lost: 0, doubled: 0 });
    expect(kindOf(report, 'crash')?.stores.samserver).toMatchObject({ once: 4 });
    expect(kindOf(report, 'device position')?.stores.samserver).toMatchObject({ once: 6 });
    expect(report.viewers).toMatchObject([
      { name: 'panel 1', received: 20 + 8 + 4, missing: 0, doubled: 0 },
      { name: 'panel 2', received: 20 + 8 + 4, missing: 0, doubled: 0 },
      { name: 'watcher 1', received: 20 + 6, missing: 0, doubled: 0 },
    ]);
    expect(report.latencyMs['position']?.p99).toBeGreaterThan(0);
    expect(report.latencyMs['log-in']?.count).toBe(2);
    const lines = (await readFile(ledger, 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(20 + 8 + 4 + 6);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ outcome: 'acknowledged', answer: '200' });
  });

  it('finds every post once in the store of the old server, and at its panels', async () => {
    const { exitCode, report, err } = await load([...oldServer(), ...SHORT, ...ONCE, '--panels', '1']);
    expect({ err, examples: report.examples }).toEqual({ err: '', examples: [] });
    expect(kindOf(report, 'position')?.stores.old).toMatchObject({ once: 20, lost: 0, doubled: 0 });
    expect(kindOf(report, 'picture')?.stores.old).toMatchObject({ once: 4, lost: 0, doubled: 0 });
    expect(report.viewers).toMatchObject([{ received: 22, missing: 0, doubled: 0 }]);
    expect(exitCode).toBe(0);
  });

  describe.each<[string, () => string, (url: string) => string[], 'samserver' | 'old']>([
    ['Samserver', () => service.url, samserver, 'samserver'],
    ['the old server', () => old.url, oldServer, 'old'],
  ])('behind a proxy with faults in front of %s', (_, target, options, store) => {
    /** The fault of the n-th post to a route, from 0. */
    const faults: Readonly<Record<string, Readonly<Record<number, Fault>>>> = {
      '/api/tracking/postAmbulanceTracking': { 3: 'swallow', 5: 'double', 8: 'hang', 9: 'refuse', 11: 'cut' },
      '/api/snapshot/postAmbulanceImageUpload': { 1: 'swallow' },
    };

    it('names each lost, doubled and unknown post', async () => {
      const proxy = await faultyProxy(target(), faults);
      try {
        const { exitCode, report } = await load([...options(proxy.url), ...SHORT, ...ONCE, '--settle', '1']);
        expect(exitCode).toBe(1);
        expect(kindOf(report, 'position')?.outcomes).toMatchObject({ timeout: 1, refused: 1, broken: 1 });
        expect(kindOf(report, 'position')?.stores[store]).toMatchObject({
          lost: 1,
          doubled: 1,
          // The proxy forwarded the post whose answer it cut.
          unknownStored: 1,
          unknownMissing: 2,
        });
        expect(kindOf(report, 'picture')?.stores[store]).toMatchObject({ once: 2, lost: 2 });
        const named = report.examples.map((line) => line.replace(/ \d+ of \d+/, ''));
        expect(named.sort()).toEqual([
          `doubled in ${store}: position (acknowledged)`,
          `lost in ${store}: picture camera 1 (acknowledged)`,
          `lost in ${store}: picture camera 2 (acknowledged)`,
          `lost in ${store}: position (acknowledged)`,
          `not acknowledged, not stored in ${store}: position (refused)`,
          `not acknowledged, not stored in ${store}: position (timeout)`,
          `not acknowledged, stored in ${store}: position (broken)`,
        ]);
      } finally {
        await proxy.close();
      }
    });
  });
});
