import type { PixelSize } from './image-type.js';

/**
 * Decoding costs time by pixels, and a few bytes can state millions. Photos have at most 200 pixels in a byte, scans of
 * nearly empty pages 700.
 */
const MAX_PIXELS_PER_BYTE = 1_000;
/** Decoded in 50 ms, whatever the size of the file. */
const CHEAP_PIXELS = 4_000_000;

/** Whether a file states far more pixels than its bytes can describe: no photo or scan does. */
export function statesTooManyPixels({ width, height }: PixelSize, sizeBytes: number): boolean {
  const pixels = width * height;
  return pixels > CHEAP_PIXELS && pixels > sizeBytes * MAX_PIXELS_PER_BYTE;
}
