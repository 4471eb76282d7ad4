import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import {
  freePorts,
  type Ports,
  type Program,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';

const ROOT = resolve(import.meta.dirname, '../..');
// Inside the clone, so that Node finds `socket.io-client`.
const script = join(ROOT, `node_modules/.cache/readme-${process.pid}.mjs`);

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let ports: Ports;
let service: Program;
beforeAll(async () => {
  directory = await temporaryDirectory();
  ports = await freePorts();
  service = await startProcess(ports, { DATA_DIR: join(directory.path, 'data') });
});
afterAll(async () => {
  await service.kill('SIGTERM');
  await Promise.all([directory.remove(), rm(script, { force: true })]);
});

describe('README.md', () => {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');

  it('has a first vehicle example that runs unchanged', async () => {
    const [, snippet = ''] = /```js\n([^]+?)```/.exec(text) ?? [];
    const code = snippet
      .replaceAll('127.0.0.1:5000', `127.0.0.1:${ports.http}`)
      .replaceAll('127.0.0.1:5050', `127.0.0.1:${ports.socket}`);
    await mkdir(join(ROOT, 'node_modules/.cache'), { recursive: true });
    await writeFile(script, code);
    const { stdout } = await promisify(execFile)(process.execPath, [script], { cwd: directory.path });
    expect(stdout.match(/verdict: 'stored'/g)).toHaveLength(5);
    expect(stdout.match(/seen live 48\.137/g)?.length).toBeGreaterThanOrEqual(4);
  });

  it('names existing commands only', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    for (const [, name = ''] of text.matchAll(/npm run ([a-z0-9:-]+)/g))
      expect(scripts).toHaveProperty([name]);
  });
});
