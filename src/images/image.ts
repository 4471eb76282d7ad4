import type { PictureType } from './formats/picture-type.js';

/** One kept picture. */

export interface Image {
  /** See `newImageId`. */
  readonly id: string;
  /** null: adopted from a folder whose box code no vehicle has. */
  readonly vehicleId: string | null;
  /** Below the volume, with `/`; unique. */
  readonly path: string;
  /** As the sender called it, made harmless; only to be shown. */
  readonly filename: string;
  readonly contentType: PictureType;
  readonly sizeBytes: number;
  /** Of the kept bytes, 64 hexadecimal digits. */
  readonly sha256: string;
  /** As it is shown, in pixels; null for an adopted one that does not say. */
  readonly width: number | null;
  readonly height: number | null;
  readonly origin: 'upload' | 'adopted';
  readonly createdAt: Date;
}

/** As clients read it. */
export interface ImageView {
  readonly id: string;
  readonly vehicleId: string | null;
  readonly filename: string;
  readonly contentType: PictureType;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly createdAt: Date;
  readonly url: string;
}

export function toImageView({ path: _, origin: __, ...shown }: Image): ImageView {
  return { ...shown, url: `/api/v1/images/${shown.id}/content` };
}
