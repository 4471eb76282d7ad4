import type { PictureType } from '../formats/picture-type.js';

/** What the service asks of the decoding process. Paths are absolute. */

export type DecoderJob = ExamineJob | ThumbnailJob;

/** Is it whole, how large is it; and, unless it is to be kept, its metadata out of the file. */
export interface ExamineJob {
  readonly kind: 'examine';
  readonly path: string;
  readonly contentType: PictureType;
  readonly sha256: string;
  readonly maxPixels: number;
  readonly isMetadataKept: boolean;
}

export interface ThumbnailJob {
  readonly kind: 'thumbnail';
  readonly path: string;
  readonly contentType: PictureType;
  /** A whole WebP stands there when the job is done. */
  readonly target: string;
  /** Where it is made; of the same file system. */
  readonly temporary: string;
  readonly width: number;
  readonly maxPixels: number;
}

/** `failed`: not the picture's fault, but that of a disk. */
export type DecoderFault = 'damaged' | 'too-many-pixels' | 'no-decoder' | 'failed';

export interface ExamineResult {
  /** As the picture is shown, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Of the file as it is now. */
  readonly sizeBytes: number;
  readonly sha256: string;
}

export type DecoderAnswer<T> =
  { readonly isDone: true; readonly result: T } | { readonly isDone: false; readonly fault: DecoderFault };

export interface DecoderResults {
  readonly examine: ExamineResult;
  readonly thumbnail: null;
}
