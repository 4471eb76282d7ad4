import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ProgressDisplay } from './progress-display.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('ProgressDisplay', () => {
  it('prints other lines above the block of a terminal, and overwrites none of them', () => {
    let written = '';
    const output = { isTTY: true, columns: 80, write: (text: string) => (written += text) };
    const display = new ProgressDisplay(output, () => ['50 %'], 10_000);
    display.start();
    jest.advanceTimersByTime(250);
    display.print('a finding\n');
    jest.advanceTimersByTime(250);
    display.stop();
    const erase = '\u001b[1A\u001b[J';
    expect(written).toBe(`50 %\n${erase}a finding\n50 %\n${erase}`);
  });

  it('prints a line at intervals elsewhere', () => {
    let written = '';
    const display = new ProgressDisplay({ write: (text) => (written += text) }, () => ['50 %'], 10_000);
    display.start();
    jest.advanceTimersByTime(20_000);
    display.print('a finding\n');
    display.stop();
    expect(written).toBe('50 %\n50 %\na finding\n');
  });
});
