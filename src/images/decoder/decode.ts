import { createHash } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { pictureHeader } from '../formats/picture-header.js';
import type { PixelSize } from '../formats/picture-type.js';
import { removeMetadata } from '../formats/remove-metadata.js';
import type { DecoderFault, ExamineResult, ExamineJob, ThumbnailJob } from './decoder-protocol.js';

/** Enough to need every byte of the picture, and no more memory than that. */
const PROBE_WIDTH = 64;
const QUALITY = 80;

/** Why a picture cannot be had. */
export class DecoderError extends Error {
  constructor(readonly fault: DecoderFault) {
    super(fault);
  }
}

/** Of libvips only what is needed: a file that pretends to be something else finds no reader. */
export function limitLibvips(): void {
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: ['Jpeg', 'Png', 'Webp', 'Heif'].map((name) => `VipsForeignLoad${name}Buffer`),
  });
}

/** @throws DecoderError */
export async function examine(job: ExamineJob): Promise<ExamineResult> {
  const original = await readFile(job.path);
  const bytes = job.isMetadataKept ? original : withoutMetadata(original, job);
  const size = await sizeOf(bytes, job);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== job.sha256) await replaceContent(job.path, bytes);
  return { ...size, sizeBytes: bytes.length, sha256 };
}

/** @throws DecoderError */
export async function makeThumbnail(job: ThumbnailJob): Promise<null> {
  const { path, target, temporary, width, contentType, maxPixels } = job;
  if (contentType === 'image/heic') throw new DecoderError('no-decoder');
  const bytes = await readFile(path);
  const picture = decoder(bytes);
  await orientedSize(picture, maxPixels);
  try {
    const resized = picture.autoOrient().resize({ width, withoutEnlargement: true });
    await decoded(resized.webp({ quality: QUALITY }).toFile(temporary));
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
  return null;
}

function withoutMetadata(bytes: Buffer, { contentType }: ExamineJob): Buffer {
  try {
    return removeMetadata(bytes, contentType);
  } catch (error) {
    if (error instanceof RangeError) throw new DecoderError('damaged');
    throw error;
  }
}

async function sizeOf(bytes: Buffer, { contentType, maxPixels }: ExamineJob): Promise<PixelSize> {
  // Its codec is under patents, so the library comes without it: what the container says has to do.
  if (contentType === 'image/heic') {
    const size = pictureHeader(bytes)?.size ?? null;
    if (!size) throw new DecoderError('damaged');
    assertPixels(size, maxPixels);
    return size;
  }
  const picture = decoder(bytes);
  const size = await orientedSize(picture, maxPixels);
  await decoded(picture.resize({ width: PROBE_WIDTH, withoutEnlargement: true }).raw().toBuffer());
  return size;
}

/** Pixels are counted before one of them is decoded. */
async function orientedSize(picture: Sharp, maxPixels: number): Promise<PixelSize> {
  const { autoOrient } = await decoded(picture.metadata());
  assertPixels(autoOrient, maxPixels);
  return { width: autoOrient.width, height: autoOrient.height };
}

function assertPixels({ width, height }: PixelSize, maxPixels: number): void {
  if (width * height > maxPixels) throw new DecoderError('too-many-pixels');
  if (width * height === 0) throw new DecoderError('damaged');
}

function decoder(bytes: Buffer): Sharp {
  return sharp(bytes, { failOn: 'error', limitInputPixels: false, sequentialRead: true });
}

/** Whatever the library says of a picture, it is the picture's fault. */
function decoded<T>(work: Promise<T>): Promise<T> {
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
