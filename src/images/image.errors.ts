import { DomainError } from '../core/index.js';

const VOLUME_RETRY_MS = 30_000;
const BUSY_RETRY_MS = 2_000;

export const imageNotFound = (): DomainError =>
  new DomainError('images/not-found', 'There is no such image.');

export const noFile = (why: string): DomainError => new DomainError('images/no-file', why);

export const imageDamaged = (): DomainError =>
  new DomainError('images/damaged', 'The image is incomplete or cannot be decoded.');

export const notAnImage = (): DomainError =>
  new DomainError('images/not-a-picture', 'The content is not JPEG, PNG, WebP, HEIC or AVIF.');

export const noThumbnail = (): DomainError =>
  new DomainError('images/no-thumbnail', 'No thumbnail can be made of this image.');

export const imageTooLarge = (maxBytes: number): DomainError =>
  new DomainError('images/too-large', `The image is larger than ${maxBytes} bytes.`);

export const tooManyPixels = (maxPixels: number): DomainError =>
  new DomainError('images/too-many-pixels', `The image has more than ${maxPixels} pixels.`);

export const tooFewBytes = (): DomainError =>
  new DomainError(
    'images/too-many-pixels',
    'The image has more than 1,000 pixels for each byte of its file: no photo or scan is so small.',
  );

export const imagesBusy = (cause?: unknown): DomainError =>
  new DomainError('images/busy', 'Too many images are being processed; send the same image again later.', {
    retryAfterMs: BUSY_RETRY_MS,
    cause,
  });

export const quotaExceeded = (): DomainError =>
  new DomainError(
    'images/quota-exceeded',
    'The images of this vehicle use all the space that a vehicle may use.',
  );

export const volumeFull = (cause?: unknown): DomainError =>
  new DomainError('images/volume-full', 'The image volume has too little free space.', { cause });

export const volumeUnavailable = (cause?: unknown): DomainError =>
  new DomainError(
    'images/volume-unavailable',
    'The image volume is missing, not writable, or belongs to another deployment; try again later.',
    { retryAfterMs: VOLUME_RETRY_MS, cause },
  );

/** No space or no quota left: `open`(2), `write`(2). */
const DISK_FULL_CODES = new Set(['ENOSPC', 'EDQUOT']);
/** The volume is gone, broken or not writable. */
const VOLUME_GONE_CODES = new Set([
  'ENOENT',
  'ENOTDIR',
  'EIO',
  'EROFS',
  'EACCES',
  'EPERM',
  'ESTALE',
  'ENXIO',
  'ETIMEDOUT',
  'EXDEV',
]);

/** Turns the error of a failed write to the volume into `images/volume-…`. Returns any other error unchanged. */
export function asVolumeError(error: unknown): unknown {
  const code = String((error as { code?: unknown } | null)?.code);
  if (DISK_FULL_CODES.has(code)) return volumeFull(error);
  return VOLUME_GONE_CODES.has(code) ? volumeUnavailable(error) : error;
}
