import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

/** Contains the id of the deployment that the volume belongs to; written by `samserver init`. */
export const MARKER_FILE = '.samserver-volume';
/** Files of the service itself: uploads in progress, thumbnails. */
export const WORK_DIRECTORY = '.samserver';
/** Uploads over the API. Everything beside it has the old server's layout. */
export const UPLOADS_DIRECTORY = 'samserver';

export const INCOMING_DIRECTORY = join(WORK_DIRECTORY, 'incoming');
export const THUMBNAILS_DIRECTORY = join(WORK_DIRECTORY, 'thumbnails');
/** The result of the last `samserver images verify`; `/ready` shows it. */
export const VERIFICATION_FILE = join(WORK_DIRECTORY, 'verified.json');

/**
 * 24 hexadecimal digits: 4 bytes of seconds since 1970, then 8 random bytes. Ids sort by time, so one index lists the
 * images of a vehicle newest first, and an image adopted from the old server gets its place in that order.
 */
export function newImageId(createdAt: Date): string {
  return secondsInId(createdAt.getTime()) + randomBytes(8).toString('hex');
}

/** The lowest id that an image of this time can have. @param timeMs epoch milliseconds */
export function firstImageIdAt(timeMs: number): string {
  return secondsInId(timeMs).padEnd(24, '0');
}

/** The day (UTC) of the time in an id, `YYYY-MM-DD`. */
export function dayOfImageId(id: string): string {
  return new Date(Number.parseInt(id.slice(0, 8), 16) * 1_000).toISOString().slice(0, 10);
}

export const isImageId = (text: string): boolean => /^[0-9a-f]{24}$/.test(text);

function secondsInId(timeMs: number): string {
  const seconds = Math.min(Math.max(Math.floor(timeMs / 1_000), 0), 0xffff_ffff);
  return seconds.toString(16).padStart(8, '0');
}

/** The path of an upload below the volume: `samserver/<vehicle>/<year>/<month>/<id>.<extension>`, by the time in its id. */
export function uploadPath(id: string, vehicleId: string, extension: string): string {
  const at = new Date(Number.parseInt(id.slice(0, 8), 16) * 1_000).toISOString();
  return `${UPLOADS_DIRECTORY}/${vehicleId}/${at.slice(0, 4)}/${at.slice(5, 7)}/${id}.${extension}`;
}

/** `<name>.part`, a file being written: an upload (name: its id) or a thumbnail (name: id, `-` and 8 random digits). */
export const partFileName = (name: string): string => `${name}.part`;
export const PART_FILE_NAME = /^[0-9a-f]{24}(-[0-9a-f]{8})?\.part$/;

/** `<id>~<vehicle>.<extension>`: together with `uploadPath` enough to find the file of an upload. */
export function intentFileName(id: string, vehicleId: string, extension: string): string {
  return `${id}~${vehicleId}.${extension}`;
}
export const INTENT_FILE_NAME = /^(?<id>[0-9a-f]{24})~(?<vehicleId>[0-9a-f]{24})\.(?<extension>[a-z]{3,4})$/;

/** `<id>~<final path in base64url>.linked`: the first name of a small file, which has its final name too. */
export function linkedFileName(id: string, finalPath: string): string {
  return `${id}~${Buffer.from(finalPath).toString('base64url')}.linked`;
}
export const LINKED_FILE_NAME = /^(?<id>[0-9a-f]{24})~(?<path>[\w-]+)\.linked$/;

/** null for another name. */
export function parseLinkedFileName(
  name: string,
): { readonly id: string; readonly finalPath: string } | null {
  const { id, path } = LINKED_FILE_NAME.exec(name)?.groups ?? {};
  if (id === undefined || path === undefined) return null;
  return { id, finalPath: Buffer.from(path, 'base64url').toString() };
}

export const THUMBNAIL_WIDTHS = [160, 320, 640, 1280] as const;
/** Pixels. Only few widths are offered, so that requests cannot fill the volume. */
export type ThumbnailWidth = (typeof THUMBNAIL_WIDTHS)[number];

/** Spread over 256 directories: a few thousand files in each for a million images. */
export function thumbnailPath(id: string, width: ThumbnailWidth): string {
  return join(THUMBNAILS_DIRECTORY, id.slice(-2), `${id}-${width}.webp`);
}
