import { createHash, randomInt } from 'node:crypto';
import { UPLOADS_DIRECTORY } from '../../images/index.js';

/** What a folder of the old tree may be called: it can lead nowhere, is not hidden, and is not one of ours. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
/** The old server's addresses begin with it; behind it comes what is below IMAGE_DIR. */
const ADDRESS = 'uploads/ambulance_images/';

/**
 * The folder of a box: its code, where that is a plain name. Any other has what is not plain about it replaced, and a
 * part of its hash behind it, so that no two codes share a folder.
 */
export function boxFolder(code: string): string {
  if (PLAIN.test(code) && code !== UPLOADS_DIRECTORY) return code;
  const plain = code.replace(/[^A-Za-z0-9-]/g, '_').slice(0, 40);
  return `box-${plain}-${createHash('sha256').update(code).digest('hex').slice(0, 8)}`;
}

/**
 * `<box>/<Y>/<M>/<D>/<H>_<m>/<m>_<s>_<4 digits>.<extension>`, in local time and without leading zeros, as the old server
 * named its pictures; another number each time it is asked.
 */
export function legacyPicturePath(code: string, at: Date, timeZone: string, extension: string): string {
  const { year, month, day, hour, minute, second } = localParts(at, timeZone);
  const number = randomInt(1_000, 10_000);
  return `${boxFolder(code)}/${year}/${month}/${day}/${hour}_${minute}/${minute}_${second}_${number}.${extension}`;
}

/** What the old server announced, and other programs read: an address without its first slash. */
export const legacyPictureAddress = (path: string): string => `${ADDRESS}${path}`;

/** Those of uploads over the new API are not served under the old addresses. */
export const isLegacyPicturePath = (path: string): boolean => !path.startsWith(`${UPLOADS_DIRECTORY}/`);

type Part = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second';

function localParts(at: Date, timeZone: string): Readonly<Record<Part, number>> {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(at);
  const numbers = parts
    .filter(({ type }) => type !== 'literal')
    .map(({ type, value }) => [type, Number(value)]);
  return Object.fromEntries(numbers) as Record<Part, number>;
}
