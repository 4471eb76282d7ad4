export const PICTURE_TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/heic', 'image/avif'] as const;
export type PictureType = (typeof PICTURE_TYPES)[number];

/** In pixels, as stored: not turned by what the picture says of its orientation. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

export interface PictureHeader {
  readonly contentType: PictureType;
  /** null where the first bytes do not tell. */
  readonly size: PixelSize | null;
}
