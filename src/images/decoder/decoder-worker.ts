/**
 * The decoder process of `DecoderService`. Untrusted image data are decoded only here. Imports must stay free of Nest:
 * the process has a small heap.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { setPriority } from 'node:os';
import sharp, { type Sharp } from 'sharp';
import { readImageHeader } from '../formats/image-header.js';
import type { CleanedImage, PixelSize } from '../formats/image-type.js';
import { statesTooManyPixels } from '../formats/pixel-limits.js';
import { removeMetadata } from '../formats/remove-metadata.js';
import type {
  DecoderAnswer,
  DecoderFault,
  DecoderJob,
  ExamineJob,
  ExamineResult,
  ThumbnailJob,
} from './decoder.service.js';

const MEMORY_CHECK_INTERVAL_MS = 20;
/** Below the priority of the service: a thumbnail must not delay a position. */
const NICENESS = 10;
/** Decoding to this width reads every byte of the image and needs little memory. */
const PROBE_WIDTH = 64;
const THUMBNAIL_QUALITY = 80;

/** The image cannot be decoded, for this reason. */
class DecoderError extends Error {
  constructor(readonly fault: DecoderFault) {
    super(fault);
  }
}

const memoryLimitBytes = Number(process.argv[2]) * 1e6;

preferOomKill();
limitLibvips();
setPriority(NICENESS);
// libvips allocates outside the V8 heap, so V8 cannot limit it. It decodes on other threads, so this timer is on time.
setInterval(() => {
  if (process.memoryUsage.rss() > memoryLimitBytes) process.kill(process.pid, 'SIGKILL');
}, MEMORY_CHECK_INTERVAL_MS).unref();

process.on('message', (job: DecoderJob) => {
  void answer(job).then((message) => process.send?.(message));
});
process.on('disconnect', () => process.exit(0));

/** Linux: when the container runs out of memory, the kernel kills this process instead of the service. */
function preferOomKill(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Other systems have only the memory limit above.
  }
}

/** Enables only the needed loaders of libvips: a file of any other format finds no reader. */
function limitLibvips(): void {
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: ['Jpeg', 'Png', 'Webp', 'Heif'].map((name) => `VipsForeignLoad${name}Buffer`),
  });
}

async function answer(job: DecoderJob): Promise<DecoderAnswer<unknown>> {
  try {
    return { isDone: true, result: await (job.kind === 'examine' ? examine(job) : makeThumbnail(job)) };
  } catch (error) {
    return { isDone: false, fault: error instanceof DecoderError ? error.fault : 'failed' };
  }
}

async function examine(job: ExamineJob): Promise<ExamineResult> {
  const original = await readFile(job.path);
  const { bytes, keptParts } = job.isMetadataKept
    ? { bytes: original, keptParts: [] }
    : withoutMetadata(original, job);
  const size = await sizeOf(bytes, job);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== job.sha256) await replaceContent(job.path, bytes);
  return { ...size, sizeBytes: bytes.length, sha256, keptParts };
}

async function makeThumbnail(job: ThumbnailJob): Promise<null> {
  const { path, target, temporary, width, contentType, maxPixels } = job;
  if (contentType === 'image/heic') throw new DecoderError('no-decoder');
  const bytes = await readFile(path);
  const image = openWithSharp(bytes);
  assertCost(await orientedSize(image, maxPixels), bytes);
  try {
    const resized = image.autoOrient().resize({ width, withoutEnlargement: true });
    await orDamaged(resized.webp({ quality: THUMBNAIL_QUALITY }).toFile(temporary));
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
  return null;
}

function withoutMetadata(bytes: Buffer, { contentType }: ExamineJob): CleanedImage {
  try {
    return removeMetadata(bytes, contentType);
  } catch (error) {
    if (error instanceof RangeError) throw new DecoderError('damaged');
    throw error;
  }
}

async function sizeOf(bytes: Buffer, { contentType, maxPixels }: ExamineJob): Promise<PixelSize> {
  // The codec of HEIC is patented and sharp contains none. Only the container is checked.
  if (contentType === 'image/heic') {
    const size = readImageHeader(bytes)?.size ?? null;
    if (!size) throw new DecoderError('damaged');
    assertPixels(size, maxPixels);
    return size;
  }
  const image = openWithSharp(bytes);
  const size = await orientedSize(image, maxPixels);
  assertCost(size, bytes);
  await orDamaged(image.resize({ width: PROBE_WIDTH, withoutEnlargement: true }).raw().toBuffer());
  return size;
}

/** Checks the number of pixels before any is decoded. */
async function orientedSize(image: Sharp, maxPixels: number): Promise<PixelSize> {
  const { autoOrient } = await orDamaged(image.metadata());
  assertPixels(autoOrient, maxPixels);
  return { width: autoOrient.width, height: autoOrient.height };
}

function assertPixels({ width, height }: PixelSize, maxPixels: number): void {
  if (width * height > maxPixels) throw new DecoderError('too-many-pixels');
  if (width * height === 0) throw new DecoderError('damaged');
}

function assertCost(size: PixelSize, bytes: Buffer): void {
  if (statesTooManyPixels(size, bytes.length)) throw new DecoderError('too-few-bytes');
}

function openWithSharp(bytes: Buffer): Sharp {
  return sharp(bytes, { failOn: 'error', limitInputPixels: false, sequentialRead: true });
}

/** Every error of libvips comes from the image. */
function orDamaged<T>(work: Promise<T>): Promise<T> {
  return work.catch(() => {
    throw new DecoderError('damaged');
  });
}

async function replaceContent(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.writeFile(bytes);
    await file.truncate(bytes.length);
  } finally {
    await file.close();
  }
}
