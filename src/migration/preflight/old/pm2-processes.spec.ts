import { describe, expect, it } from '@jest/globals';
import { parsePm2List } from './pm2-processes.js';

describe('parsePm2List', () => {
  const entry = {
    name: 'tracking',
    pid: 7,
    pm2_env: { exec_mode: 'fork_mode', status: 'online', env: { A: 'b', N: 1 } },
  };

  it('reads a list after the banner of a new PM2', () => {
    const [found] = parsePm2List(`\n  __/\\ PM2\n[PM2] Spawning\n${JSON.stringify([entry])}`);
    expect(found).toMatchObject({
      name: 'tracking',
      pid: 7,
      mode: 'fork',
      status: 'online',
      restarts: null,
    });
    expect([...(found?.env ?? [])]).toEqual([
      ['A', 'b'],
      ['N', '1'],
    ]);
  });

  it('reads a dump, whose fields are at the top', () => {
    const [found] = parsePm2List(JSON.stringify([{ name: 'x', exec_mode: 'cluster_mode', env: { A: 'b' } }]));
    expect(found).toMatchObject({ name: 'x', mode: 'cluster', pid: null });
  });

  it('takes fields of another type as absent', () => {
    const odd = {
      name: 5,
      pid: 'x',
      pm2_env: { status: {}, pm_cwd: [], env: { O: { a: 1 }, S: 's'.repeat(40_000) } },
    };
    expect(parsePm2List(JSON.stringify([odd, null, 5, []]))).toEqual([
      expect.objectContaining({
        name: '(without a name)',
        pid: null,
        status: 'unknown',
        directory: '',
        env: new Map(),
      }),
    ]);
  });

  it.each<[string, string]>([
    ['deep arrays', '['.repeat(5_000_000)],
    ['a deep array that is complete', `${'['.repeat(500_000)}${']'.repeat(500_000)}`],
    ['the format of old releases', "[{ name: 'x' }]"],
    ['an object', '{}'],
    ['nothing', ''],
  ])('survives %s', (_, text) => {
    const parse = (): unknown[] => parsePm2List(text);
    if (text.endsWith(']]')) expect(parse()).toEqual([]);
    else expect(parse).toThrow(/no JSON array/);
  });

  it('refuses a list with too many processes', () => {
    expect(() => parsePm2List(JSON.stringify(Array(201).fill(entry)))).toThrow(
      /201 processes; the limit is 200/,
    );
  });
});
