import { describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import { LogStream } from './log-stream.js';
import { createPino } from './pino-logger.js';

/** A reader that can stall. */
class Reader extends Writable {
  isStalled = false;
  readonly lines: string[] = [];
  private waiting: (() => void) | null = null;

  constructor() {
    super({ decodeStrings: false, highWaterMark: 100 });
  }

  override _write(line: string, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    const take = (): void => {
      if (line !== '') this.lines.push((JSON.parse(line) as { msg: string }).msg);
      done();
    };
    if (this.isStalled) this.waiting = take;
    else take();
  }

  resume(): void {
    this.isStalled = false;
    this.waiting?.();
    this.waiting = null;
  }
}

function makeLog(maxWaiting = 2_000) {
  const reader = new Reader();
  const stream = new LogStream(reader, maxWaiting);
  const logger = createPino('info', { isTerminal: false, release: null, to: stream });
  return { reader, stream, logger };
}

describe('LogStream', () => {
  it('writes at once while the reader keeps up', () => {
    const { reader, stream, logger } = makeLog();
    for (let count = 0; count < 1_000; count += 1) logger.info('line');
    expect(reader.lines).toHaveLength(1_000);
    expect(stream.droppedLines).toBe(0);
  });

  it('writes the lines of `together` with one write, within the limit', () => {
    const writes: string[] = [];
    const out = new Writable({
      decodeStrings: false,
      write: (text: string, _encoding, done) => {
        writes.push(text);
        done();
      },
    });
    const stream = new LogStream(out, 2_000);
    const logger = createPino('info', { isTerminal: false, release: null, to: stream });
    stream.writeTogether(() => {
      for (let count = 0; count < 1_000; count += 1) logger.info('line');
    });
    expect(writes[0]?.length).toBeLessThanOrEqual(2_000);
    expect(writes[0]?.match(/"line"/g)).toHaveLength(1_000 - stream.droppedLines);
    logger.info('after');
    expect(writes.slice(1).join('')).toMatch(/"log lines dropped"[^]*"after"/);
  });

  it('holds a limited number of lines while the reader stalls, and then logs how many it dropped', async () => {
    const { reader, stream, logger } = makeLog();
    reader.isStalled = true;
    for (let count = 0; count < 1_000; count += 1) logger.info(`line ${count}`);
    expect(reader.writableLength).toBeLessThanOrEqual(2_000);
    expect(stream.droppedLines).toBeGreaterThan(900);
    reader.resume();
    await stream.flush(60_000);
    const kept = 1_000 - stream.droppedLines;
    const expected = Array.from({ length: kept }, (_, count) => `line ${count}`);
    expect(reader.lines).toEqual([...expected, 'log lines dropped']);
    logger.info('after');
    expect(reader.lines.at(-1)).toBe('after');
    // Reported once.
    expect(reader.lines.filter((line) => line === 'log lines dropped')).toHaveLength(1);
  });

  it('accepts a fatal line beyond the limit', async () => {
    const { reader, stream, logger } = makeLog();
    reader.isStalled = true;
    for (let count = 0; count < 1_000; count += 1) logger.error('line');
    logger.fatal('the reason');
    reader.resume();
    await stream.flush(60_000);
    expect(reader.lines).toContain('the reason');
  });

  it('does not wait for a stalled reader longer than the time-out', async () => {
    const { reader, stream, logger } = makeLog();
    reader.isStalled = true;
    logger.info('line');
    await stream.flush(1);
    expect(reader.lines).toEqual([]);
  });

  it('survives a reader that is gone, and counts the lines that were lost', async () => {
    const broken = new Writable({
      autoDestroy: false,
      write: (_chunk, _encoding, done) => done(new Error('EPIPE')),
    });
    const stream = new LogStream(broken, 2_000);
    const logger = createPino('info', { isTerminal: false, release: null, to: stream });
    logger.info('line');
    await new Promise((settle) => setImmediate(settle));
    expect(stream.droppedLines).toBe(1);
  });
});
