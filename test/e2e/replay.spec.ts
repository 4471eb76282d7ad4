import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { RunReport } from '../../src/tools/replay/report.js';
import {
  freePorts,
  type Ports,
  Program,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';

const TRACES = resolve(import.meta.dirname, '../../../shared/traces');
const hasTraces = existsSync(TRACES);
if (!hasTraces) console.warn(`SKIPPED: replay of recorded tracks; ${TRACES} is not there`);
if (!hasTraces && process.env['CI'] === 'true')
  throw new Error('CI needs the recorded tracks beside the clone');

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let ports: Ports;
let service: Program;
beforeAll(async () => {
  directory = await temporaryDirectory();
  ports = await freePorts();
  service = await startProcess(ports, { DATA_DIR: directory.path });
});
afterAll(async () => {
  await service.kill('SIGTERM');
  await directory.remove();
});

async function replay(
  ...args: string[]
): Promise<{ code: number | null; report: RunReport; output: string }> {
  const program = Program.start(
    'cli.js',
    [
      'replay',
      ...args,
      '--json',
      '--url',
      `http://127.0.0.1:${ports.http}`,
      '--socket-url',
      `http://127.0.0.1:${ports.socket}`,
    ],
    { DATA_DIR: directory.path },
  );
  const { code } = await program.exited;
  const json = /^\{[\s\S]*\}$/m.exec(program.output)?.[0];
  if (json === undefined) throw new Error(program.output);
  return { code, report: JSON.parse(json) as RunReport, output: program.output };
}

describe('replay', () => {
  (hasTraces ? it : it.skip)(
    'plays a recorded drive: every fix sent, acknowledged, stored and seen live',
    async () => {
      const { code, report } = await replay(resolve(TRACES, 'barefoot-munich-car-1s.csv'));
      expect(report.totals).toMatchObject({
        sent: 1_194,
        stored: 1_194,
        duplicate: 0,
        quarantined: {},
        rejected: {},
        seenLive: 1_194,
      });
      expect(code).toBe(0);
    },
  );

  (hasTraces ? it : it.skip)('adds nothing when a recording is played again as recorded', async () => {
    const file = resolve(TRACES, 'barefoot-munich-car-1s.csv');
    expect((await replay(file, '--as-recorded')).report.totals).toMatchObject({ stored: 1_194 });
    expect((await replay(file, '--as-recorded')).report.totals).toMatchObject({
      sent: 1_194,
      stored: 0,
      duplicate: 1_194,
    });
  });

  it('drives simulated ambulances around a town without a file', async () => {
    const { code, report } = await replay(
      '--vehicles',
      '4',
      '--duration',
      '60',
      '--speed',
      'max',
      '--seed',
      '7',
    );
    expect(code).toBe(0);
    expect(report.drives).toHaveLength(4);
    expect(report.totals.stored).toBe(report.totals.sent);
    expect(report.totals.seenLive).toBe(report.totals.sent);
    expect(report.totals.sent).toBeGreaterThanOrEqual(4 * 60);
  });
});
