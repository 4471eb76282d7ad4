import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  freePorts,
  type Ports,
  Program,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';

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

function client(command: string, ...args: string[]): Program {
  const urls = [
    '--url',
    `http://127.0.0.1:${ports.http}`,
    '--socket-url',
    `http://127.0.0.1:${ports.socket}`,
  ];
  return Program.start('cli.js', [command, ...args, ...urls], { DATA_DIR: directory.path });
}

const LINE = /^\d{4}-\d\d-\d\dT[\d:.]+Z\t(\S+)\t-?\d+\.\d{6}\t-?\d+\.\d{6}\t(?:-|[\d.]+)$/gm;

const linesOf = ({ output }: Program): string[] => [...output.matchAll(LINE)].map(([line]) => line);

describe('watch', () => {
  it('shows every fix of a replay once, across a restart of the service and for new vehicles too', async () => {
    const watching = client('watch', '--seconds', '60');
    await watching.waitForOutput(/^connected$/m);
    const first = client('replay', '--duration', '20', '--vehicles', '3', '--speed', 'max', '--json');
    expect((await first.exited).code).toBe(0);
    const sent = (played: Program): number => JSON.parse(played.output.trim()).totals.sent as number;
    await watching.waitForOutput(new RegExp(`(?:Z\\t\\S+\\t.*\\n[^]*?){${sent(first)}}`));

    await service.kill('SIGTERM');
    await watching.waitForOutput(/^reconnecting…$/m);
    service = await startProcess(ports, { DATA_DIR: directory.path });
    const second = client(
      'replay',
      '--duration',
      '20',
      '--vehicles',
      '4',
      '--speed',
      'max',
      '--json',
      '--seed',
      '2',
    );
    expect((await second.exited).code).toBe(0);
    await watching.waitForOutput(/^connected[^]*^connected/m);
    const total = sent(first) + sent(second);
    for (let tries = 0; linesOf(watching).length < total && tries < 100; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 100));

    watching.child.kill('SIGINT');
    expect((await watching.exited).code).toBe(130);
    const lines = linesOf(watching);
    expect(lines).toHaveLength(total);
    expect(new Set(lines).size).toBe(total);
    // The second run uses a vehicle of the first one again when its positions do not mix with the earlier ones.
    const summary = `^${total} fixes of [4-7] vehicles in \\d+ s.*1 reconnect$`;
    expect(watching.output).toMatch(new RegExp(summary, 'm'));
  });

  it('shows the requested call signs only, and ends by itself', async () => {
    const watching = client('watch', '--seconds', '8', '--vehicle', 'unknown');
    await watching.waitForOutput(/^connected$/m);
    await client('replay', '--duration', '5', '--vehicles', '1', '--speed', 'max').exited;
    expect((await watching.exited).code).toBe(0);
    expect(linesOf(watching)).toEqual([]);
    expect(watching.output).toMatch(/^0 fixes of 0 vehicles in 8 s/m);
  });

  it('has different exit codes for wrong usage, a wrong login and a missing service', async () => {
    const codeOf = async (...args: string[]): Promise<number | null> =>
      (await client('watch', ...args).exited).code;
    expect(await codeOf('--bbox', 'x')).toBe(64);
    expect(await codeOf('--email', 'x@y', '--password', 'wrong')).toBe(1);
    const absent = Program.start('cli.js', ['watch', '--url', 'http://127.0.0.1:9'], {
      DATA_DIR: directory.path,
    });
    expect((await absent.exited).code).toBe(69);
  });
});
