import type { ImageType } from './formats/image-type.js';

/** The record of a stored image. Its bytes are a file in the volume. */
export interface Image {
  /** See `newImageId`. */
  readonly id: string;
  /** null: adopted from a folder whose box code no vehicle has. */
  readonly vehicleId: string | null;
  /** Below the volume, with `/`; unique. */
  readonly path: string;
  /** The client's name of the file, sanitized. For display only. */
  readonly filename: string;
  readonly contentType: ImageType;
  readonly sizeBytes: number;
  /** SHA-256 of the stored bytes, 64 hexadecimal digits. */
  readonly sha256: string;
  /** Pixels, with the orientation applied; null for an adopted file whose header does not contain the size. */
  readonly width: number | null;
  readonly height: number | null;
  readonly origin: 'upload' | 'adopted';
  readonly createdAt: Date;
}

/** An image as clients receive it. */
export interface ImageView {
  readonly id: string;
  readonly vehicleId: string | null;
  readonly filename: string;
  readonly contentType: ImageType;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly createdAt: Date;
  readonly url: string;
}

export function toImageView({ path: _, origin: __, ...view }: Image): ImageView {
  return { ...view, url: `/api/v1/images/${view.id}/content` };
}

const MAX_FILENAME_CHARACTERS = 200;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;

/**
 * Makes a client's file name safe to show and to offer for saving: the last part of a path, without unprintable
 * characters and leading dots, at most 200 characters; `picture.<extension>` when nothing is left. It is never used as
 * a path.
 */
export function sanitizeFilename(given: string, extension: string): string {
  const last = given.split(/[\\/]/).at(-1) ?? '';
  const printable = last.replace(UNPRINTABLE, '').trim().replace(/^\.+/, '');
  const short = [...printable].slice(0, MAX_FILENAME_CHARACTERS).join('').trim();
  return short === '' ? `picture.${extension}` : short;
}
