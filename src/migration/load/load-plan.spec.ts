import { describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { addLoadOptions, type LoadOptions } from './load-options.js';
import { planLines, planLoad } from './load-plan.js';

function plan(args: string, hasOldDatabase = true): ReturnType<typeof planLoad> {
  const command = addLoadOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  command.parse(args === '' ? [] : args.split(' '), { from: 'user' });
  return planLoad(command.opts<LoadOptions>(), hasOldDatabase);
}

describe('planLoad', () => {
  it('has the real rates of sixteen boxes for a minute as its default', () => {
    const planned = plan('');
    expect(planned.postsPerS).toBeCloseTo(16 + 16 / 0.7, 5);
    expect(planned.entries).toEqual({
      position: 16 * 60,
      picture: 2 * 16 * 86,
      crash: 0,
      'device position': 0,
    });
    expect(planned.boxCodes).toHaveLength(16);
    expect(planned.boxCodes.at(-1)).toBe('990016');
    expect(planLines(planned).join('\n')).toContain('16 boxes (990001…990016) to http://127.0.0.1:5000');
  });

  it.each([
    ['--boxes 0', 'nothing to send'],
    ['--boxes 100', '--max-rate 200'],
    ['--boxes 100 --max-rate 1000 --duration 86400', 'shorten --duration'],
    ['--stores old', '--old-pictures'],
    ['--boxes 1001', '1000'],
    ['--stores old,other', 'samserver or old'],
    ['--boxes-url http://a.test/path', 'http(s)://host:port'],
  ])('refuses %s', (args, text) => {
    expect(() => plan(args)).toThrow(text);
  });

  it('needs an address for the old store', () => {
    expect(() => plan('--stores old --pictures-every 0', false)).toThrow('OLD_DATABASE_URL');
    expect(plan('--stores old --pictures-every 0').needsLogin).toBe(false);
  });

  it('needs a login for devices, watchers and the store of Samserver', () => {
    const old = '--stores old --pictures-every 0';
    for (const more of ['--devices 1', '--watchers 1']) expect(plan(`${old} ${more}`).needsLogin).toBe(true);
    expect(plan('').needsLogin).toBe(true);
  });
});
