import { describe, expect, it, jest } from '@jest/globals';
import type { Settings } from '../../config/index.js';
import { DecoderService, type ExamineResult } from './decoder.service.js';

describe('jobs of the image decoder', () => {
  it('wait in one queue for each caller: many jobs of one vehicle refuse and delay no job of another', async () => {
    const decoder = new DecoderService({ images: { maxPixels: 1, isExifKept: false } } as Settings);
    const started: string[] = [];
    let next = (): void => undefined;
    jest
      .spyOn(decoder as unknown as { decode(job: { path: string }): Promise<unknown> }, 'decode')
      .mockImplementation(({ path }) => {
        started.push(path);
        return new Promise((resolve) => (next = () => resolve(null)));
      });
    const examine = (caller: string, path = caller): Promise<ExamineResult> =>
      decoder.examine(caller, { path, contentType: 'image/jpeg', sha256: '' });

    const codes: string[] = [];
    const many = Array.from({ length: 150 }, (_, n) =>
      examine('a', `a${n}`).catch(({ code }: { code: string }) => void codes.push(code)),
    );
    const other = examine('b');
    await Promise.resolve();
    next();
    await new Promise((resolve) => setImmediate(resolve));
    expect(started).toEqual(['a0', 'a1']);
    next();
    await new Promise((resolve) => setImmediate(resolve));
    expect(started).toEqual(['a0', 'a1', 'b']);
    next();
    await other;
    // One runs and 100 wait; `b` displaced one more.
    expect(codes).toEqual(Array(50).fill('images/busy'));
    expect(many).toHaveLength(150);
  });
});
