import { describe, expect, it } from '@jest/globals';
import { ImagesProgress } from './images-progress.js';

describe('ImagesProgress', () => {
  it('shows rate and time left, by the files of the last minute', () => {
    let nowMs = 0;
    const progress = new ImagesProgress('manifest', 1_000_000, () => nowMs);
    expect(progress.line()).toBe('manifest: 0 of 1000000 files, 0.0 %, 0 files/s, 0 MB/s, unknown time left');
    // An interrupted run has read these; they need no reading.
    progress.add(900_000, 9e9);
    nowMs = 10_000;
    progress.line();
    while (nowMs < 100_000) {
      nowMs += 10_000;
      progress.add(1_000, 1e7);
      progress.line();
    }
    expect(progress.json()).toBe(
      '{"progress":"manifest","files":909000,"totalFiles":1000000,"bytes":9090000000,"filesPerS":100,"bytesPerS":1000000,"secondsLeft":910}',
    );
    expect(progress.line()).toContain('90.9 %, 100 files/s, 1 MB/s, 15 min 10 s left');
  });

  it('shows no time left without a total, and none when all is done', () => {
    const counting = new ImagesProgress('counting', null, () => 5);
    counting.add(32, 0);
    expect(counting.line()).toBe('counting: 32 files, 0 files/s');
    expect(JSON.parse(counting.json())).toMatchObject({ totalFiles: null, secondsLeft: null });
    const done = new ImagesProgress('scan', 0, () => 5);
    expect(done.line()).toContain('100.0 %, 0 files/s, 0 MB/s, 0 s left');
  });
});
