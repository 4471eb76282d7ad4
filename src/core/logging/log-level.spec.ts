import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createPino } from './pino-logger.js';
import { LogLevel } from './log-level.js';

let lines: Record<string, unknown>[];
let level: LogLevel;
let logger: ReturnType<typeof createPino>;
beforeEach(() => {
  jest.useFakeTimers();
  lines = [];
  const to = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  logger = createPino('info', { isTerminal: false, release: null, to });
  level = new LogLevel(logger);
});
afterEach(() => void jest.useRealTimers());

const logged = (message: string): boolean => {
  logger.debug(message);
  return lines.some(({ msg }) => msg === message);
};

describe('the log level', () => {
  it('changes at once, and is restored after its time', () => {
    expect(logged('one')).toBe(false);
    const { until } = level.change('debug', 60);
    expect(until?.getTime()).toBe(Date.now() + 60_000);
    expect(logged('two')).toBe(true);
    jest.advanceTimersByTime(59_999);
    expect(level.current).toBe('debug');
    jest.advanceTimersByTime(1);
    expect([level.current, logged('three')]).toEqual(['info', false]);
  });

  it('stays until the next start with 0 seconds', () => {
    expect(level.change('trace', 0)).toEqual({ level: 'trace', until: null });
    jest.advanceTimersByTime(10 * 86_400_000);
    expect(level.current).toBe('trace');
  });

  it('follows the last change, and drops the end of the one before', () => {
    level.change('debug', 10);
    level.change('trace', 100);
    jest.advanceTimersByTime(50_000);
    expect(level.current).toBe('trace');
    jest.advanceTimersByTime(50_000);
    expect(level.current).toBe('info');
  });

  it('is toggled to debug for the default time, and back by the second call', () => {
    level.toggle();
    expect(level.current).toBe('debug');
    level.toggle();
    expect(level.current).toBe('info');
    level.toggle();
    jest.advanceTimersByTime(900_000);
    expect(level.current).toBe('info');
    level.toggle();
    expect(level.current).toBe('debug');
  });

  it.each(['error', 'silent'] as const)('logs a change to %s under the level that shows it', (to) => {
    level.change(to, 5);
    expect(lines).toMatchObject([
      { msg: 'log level changed', from: 'info', level: 'warn', to, until: expect.any(String) },
    ]);
    jest.advanceTimersByTime(5_000);
    expect(lines.at(-1)).toMatchObject({ msg: 'log level restored', from: to });
  });

  it('leaves no timer after shutdown', () => {
    level.change('debug', 5);
    level.onApplicationShutdown();
    expect(jest.getTimerCount()).toBe(0);
  });
});
