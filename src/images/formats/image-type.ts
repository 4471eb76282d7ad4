export const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/heic', 'image/avif'] as const;
export type ImageType = (typeof IMAGE_TYPES)[number];

/** File name extension of each type, without the dot. */
export const EXTENSIONS: Readonly<Record<ImageType, string>> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/heic': 'heic',
  'image/avif': 'avif',
};

/** Pixels as stored: the orientation flag is not applied. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

export interface ImageHeader {
  readonly contentType: ImageType;
  /** null when the first bytes do not contain it. */
  readonly size: PixelSize | null;
}
