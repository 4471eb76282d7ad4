import { EXTENSIONS, type ImageType, SYNONYMOUS_EXTENSIONS } from './formats/image-type.js';

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
  /**
   * Of an image that arrived with others in one request: its place there, from 0. All images of the request have the same
   * `createdAt`, which no other request of the vehicle has.
   */
  readonly place?: number;
  /** Stored as it arrived: the end is missing, or it cannot be decoded. */
  readonly isDamaged?: true;
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
  readonly isDamaged?: true;
  readonly createdAt: Date;
  readonly url: string;
}

export function toImageView({ path: _, origin: __, place: ___, ...view }: Image): ImageView {
  return { ...view, url: `/api/v1/images/${view.id}/content` };
}

const MAX_FILENAME_CHARACTERS = 200;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;

/** Begins with a letter: the end of `scene.2026` is no extension. */
const EXTENSION = /\.([a-z][a-z0-9]{0,9})$/i;

/**
 * Makes a client's file name safe to show and to offer for saving: the last part of a path, without unprintable
 * characters and leading dots, at most 200 characters; `picture` when nothing is left. The extension is that of the
 * content: a saved `report.html` would open as a page. It is never used as a path.
 * @param contentType null: no image, the extension stays
 */
export function sanitizeFilename(given: string, contentType: ImageType | null): string {
  const last = given.split(/[\\/]/).at(-1) ?? '';
  const printable = last.replace(UNPRINTABLE, '').trim().replace(/^\.+/, '');
  const short = [...printable].slice(0, MAX_FILENAME_CHARACTERS).join('').trim();
  if (contentType === null) return short === '' ? 'picture.bin' : short;
  const expected = EXTENSIONS[contentType];
  const extension = EXTENSION.exec(short)?.[1] ?? '';
  if ([expected, ...SYNONYMOUS_EXTENSIONS[contentType]].includes(extension.toLowerCase())) return short;
  const stem = short.slice(0, short.length - (extension === '' ? 0 : extension.length + 1)).trim();
  return `${stem === '' ? 'picture' : stem}.${expected}`;
}
