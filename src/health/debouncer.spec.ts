import { describe, expect, it } from '@jest/globals';
import { Debouncer } from './debouncer.js';
import { healthIssue } from './health-check.js';

const down = healthIssue('not_ready', 'mongo.down');
const skewed = healthIssue('degraded', 'clock.skewed');

/** `x`: found, `.`: not. @returns the same for what counts after each look */
function counted(looks: string, failures = 3, passes = 2): string {
  const debouncer = new Debouncer(failures, passes);
  return [...looks]
    .map((look) => (debouncer.record(look === 'x' ? [down] : []).length > 0 ? 'x' : '.'))
    .join('');
}

describe('Debouncer', () => {
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
    const debouncer = new Debouncer(2, 1);
    expect(debouncer.record([down])).toEqual([]);
    expect(debouncer.record([down, skewed])).toEqual([down]);
    expect(debouncer.record([skewed])).toEqual([skewed]);
  });

  it('lets a thing that grows worse count as what it is now', () => {
    const debouncer = new Debouncer(1, 1);
    expect(debouncer.record([healthIssue('degraded', 'schema')])).toEqual([
      healthIssue('degraded', 'schema'),
    ]);
    expect(debouncer.record([healthIssue('blocked', 'schema')])).toEqual([healthIssue('blocked', 'schema')]);
  });
});
