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

/** Other extensions that mean the same type, in lower case. */
export const SYNONYMOUS_EXTENSIONS: Readonly<Record<ImageType, readonly string[]>> = {
  'image/jpeg': ['jpeg', 'jpe', 'jfif'],
  'image/png': ['apng'],
  'image/webp': [],
  'image/heic': ['heif', 'hif', 'heics'],
  'image/avif': ['avifs'],
};

/** Pixels. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

export interface ImageHeader {
  readonly contentType: ImageType;
  /**
   * With the rotation and the crop of HEIF and the orientation of JPEG applied. null when the first bytes do not contain
   * it.
   */
  readonly size: PixelSize | null;
}

export interface CleanedImage {
  /** A view of the given bytes that may be shorter. */
  readonly bytes: Buffer;
  /** Parts that may hold metadata and were not changed, such as `item Exif`. Empty for nearly every image. */
  readonly keptParts: readonly string[];
}
