import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { DEFAULT_PLAN } from '../front-door/index.js';
import { rollbackScript } from './rollback-files.js';

/** test/stack/shift-faults.spec.ts runs it. */
describe('rollback.sh', () => {
  it.each([null, 'edge'])('is valid for sh, with nginx in container %s', (container) => {
    const script = rollbackScript({ ...DEFAULT_PLAN, container });
    expect(spawnSync('sh', ['-n'], { input: script })).toMatchObject({ status: 0 });
    expect(script).toContain(
      container === null ? '\nif nginx -t -q && nginx -s' : 'docker exec edge nginx -s reload',
    );
  });

  it('turns the redirect off before it touches nginx', () => {
    const script = rollbackScript(DEFAULT_PLAN);
    expect(script.indexOf('nft -f rollback-redirect.nft')).toBeLessThan(script.indexOf('nginx -t'));
  });
});
