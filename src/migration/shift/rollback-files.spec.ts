import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PLAN } from '../front-door/index.js';
import { rollbackScript, writeRollbackFiles } from './rollback-files.js';

/** test/stack/shift-faults.spec.ts runs it. */
describe('rollback.sh', () => {
  it.each([null, 'edge'])('is valid for sh, with nginx in container %s', (container) => {
    const script = rollbackScript({ ...DEFAULT_PLAN, container });
    expect(spawnSync('sh', ['-n'], { input: script })).toMatchObject({ status: 0 });
    expect(script).toContain(
      container === null
        ? '\nif timeout -k 1 3 nginx -t -q && timeout -k 1 3 nginx -s'
        : 'docker exec edge nginx -s reload',
    );
  });

  it('turns the redirect off before it touches nginx', () => {
    const script = rollbackScript(DEFAULT_PLAN);
    expect(script.indexOf('nft -f rollback-redirect.nft')).toBeLessThan(script.indexOf('nginx -t'));
  });

  it('refuses to send clients to an old server that was stopped, and changes nothing then', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rollback-files-'));
    try {
      const script = await writeRollbackFiles({ ...DEFAULT_PLAN, directory });
      await writeFile(join(directory, 'old-server-stopped'), '');
      const before = await readdir(directory);
      const { status, stdout } = spawnSync('/bin/sh', [script], { encoding: 'utf8' });
      expect([status, stdout]).toEqual([1, expect.stringContaining('samserver shift rollback')]);
      expect(await readdir(directory)).toEqual(before);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
