import { describe, expect, it } from '@jest/globals';
import { Damper } from './damper.js';
import { finding } from './health-check.js';

const down = finding('not_ready', 'mongo.down');
const skewed = finding('degraded', 'clock.skewed');

/** `x`: found, `.`: not. @returns the same for what counts after each look */
function counted(looks: string, failures = 3, passes = 2): string {
  const damper = new Damper(failures, passes);
  return [...looks].map((look) => (damper.take(look === 'x' ? [down] : []).length > 0 ? 'x' : '.')).join('');
}

describe('Damper', () => {
  it.each([
    ['.....', '.....'],
    ['xx.xx.xx.', '.........'],
    ['xxx', '..x'],
    ['xxxx..', '..xxx.'],
    ['xxx.x.x..', '..xxxxxx.'],
    ['xxx..xxx', '..xx...x'],
  ])('of %s lets count %s', (looks, expected) => {
    expect(counted(looks)).toBe(expected);
  });

  it('counts at once where one look is enough', () => {
    expect(counted('.x.x', 1, 1)).toBe('.x.x');
  });

  it('keeps what is found apart', () => {
    const damper = new Damper(2, 1);
    expect(damper.take([down])).toEqual([]);
    expect(damper.take([down, skewed])).toEqual([down]);
    expect(damper.take([skewed])).toEqual([skewed]);
  });

  it('lets a thing that grows worse count as what it is now', () => {
    const damper = new Damper(1, 1);
    expect(damper.take([finding('degraded', 'schema')])).toEqual([finding('degraded', 'schema')]);
    expect(damper.take([finding('blocked', 'schema')])).toEqual([finding('blocked', 'schema')]);
  });
});
