import { DomainError } from '../core/index.js';

const VOLUME_RETRY_MS = 30_000;
const BUSY_RETRY_MS = 2_000;

export const imageNotFound = (): DomainError =>
  new DomainError('images/not-found', 'There is no such picture.');

export const noFile = (why: string): DomainError => new DomainError('images/no-file', why);

export const imageDamaged = (): DomainError =>
  new DomainError('images/damaged', 'The picture is cut off or cannot be decoded.');

export const notAPicture = (): DomainError =>
  new DomainError('images/not-a-picture', 'The content is no JPEG, PNG, WebP, HEIC or AVIF.');

export const noThumbnail = (): DomainError =>
  new DomainError('images/no-thumbnail', 'No thumbnail can be made of this picture.');

export const imageTooLarge = (maxBytes: number): DomainError =>
  new DomainError('images/too-large', `A picture may have at most ${maxBytes} bytes.`);

export const tooManyPixels = (maxPixels: number): DomainError =>
  new DomainError('images/too-many-pixels', `A picture may have at most ${maxPixels} pixels.`);

export const imagesBusy = (cause?: unknown): DomainError =>
  new DomainError('images/busy', 'Too many pictures wait to be looked at; send it again.', {
    retryAfterMs: BUSY_RETRY_MS,
    cause,
  });

export const quotaExceeded = (): DomainError =>
  new DomainError(
    'images/quota-exceeded',
    'The pictures of this vehicle take all the space that one vehicle may have.',
  );

export const volumeFull = (cause?: unknown): DomainError =>
  new DomainError('images/volume-full', 'Too little space is left for pictures.', { cause });

export const volumeUnavailable = (cause?: unknown): DomainError =>
  new DomainError(
    'images/volume-unavailable',
    'The place where pictures are kept is missing or not the right one just now.',
    { retryAfterMs: VOLUME_RETRY_MS, cause },
  );

/** Not enough space or quota of a file system; `open`(2), `write`(2). */
const DISK_FULL_CODES = new Set(['ENOSPC', 'EDQUOT']);
/** What a volume says that is gone, broken or not ours to write. */
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

/** A failed write to the volume in the words of the API; everything else as it is. */
export function asVolumeError(error: unknown): unknown {
  const code = String((error as { code?: unknown } | null)?.code);
  if (DISK_FULL_CODES.has(code)) return volumeFull(error);
  return VOLUME_GONE_CODES.has(code) ? volumeUnavailable(error) : error;
}
