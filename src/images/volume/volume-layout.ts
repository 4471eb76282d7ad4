import { join } from 'node:path';
import type { PictureType } from '../formats/picture-type.js';

/** Holds the id of the deployment that the volume belongs to; written by `samserver init`. */
export const MARKER_FILE = '.samserver-volume';
/** Ours, and no picture's: uploads on their way, thumbnails. */
export const WORK_DIRECTORY = '.samserver';
/** Uploads. Whatever lies beside it the old server put there. */
export const UPLOADS_DIRECTORY = 'samserver';

export const INCOMING_DIRECTORY = join(WORK_DIRECTORY, 'incoming');
export const THUMBNAILS_DIRECTORY = join(WORK_DIRECTORY, 'thumbnails');
/** What the last `samserver images verify` found; `/ready` shows it. */
export const VERIFICATION_FILE = join(WORK_DIRECTORY, 'verified.json');

export const EXTENSIONS: Readonly<Record<PictureType, string>> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/heic': 'heic',
  'image/avif': 'avif',
};

/** Where an upload is kept, below the volume: `samserver/<vehicle>/<year>/<month>/<id>.<extension>`, by its id's time. */
export function uploadPath(id: string, vehicleId: string, extension: string): string {
  const at = new Date(Number.parseInt(id.slice(0, 8), 16) * 1_000).toISOString();
  return `${UPLOADS_DIRECTORY}/${vehicleId}/${at.slice(0, 4)}/${at.slice(5, 7)}/${id}.${extension}`;
}

export const THUMBNAIL_WIDTHS = [160, 320, 640, 1280] as const;
/** In pixels. Few, so that nobody can fill the volume with them. */
export type ThumbnailWidth = (typeof THUMBNAIL_WIDTHS)[number];

/** A few thousand in a directory at most, for a million pictures. */
export function thumbnailPath(id: string, width: ThumbnailWidth): string {
  return join(THUMBNAILS_DIRECTORY, id.slice(-2), `${id}-${width}.webp`);
}
