import { createHash, randomInt } from 'node:crypto';
import { UPLOADS_DIRECTORY } from '../../images/index.js';

/** Box codes that are safe as the name of a folder: no path, not hidden. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
/** Prefix of the old server's addresses; the path below IMAGE_DIR follows. */
const ADDRESS = 'uploads/ambulance_images/';

/**
 * The folder of a box: its code when that is a safe name. In any other code unsafe characters are replaced and a part of
 * its hash is appended, so that two codes never share a folder.
 */
export function boxFolder(code: string): string {
  if (PLAIN.test(code) && code !== UPLOADS_DIRECTORY) return code;
  const plain = code.replace(/[^A-Za-z0-9-]/g, '_').slice(0, 40);
  return `box-${plain}-${createHash('sha256').update(code).digest('hex').slice(0, 8)}`;
}

/**
 * The path of a new picture, as the old server made it: `<box>/<Y>/<M>/<D>/<H>_<m>/<m>_<s>_<4 digits>.<extension>` in
 * local time without leading zeros. The four digits are random on every call, unless `number` gives them.
 */
export function legacyPicturePath(
  code: string,
  at: Date,
  timeZone: string,
  extension: string,
  number = randomInt(1_000, 10_000),
): string {
  const { year, month, day, hour, minute, second } = localParts(at, timeZone);
  return `${boxFolder(code)}/${year}/${month}/${day}/${hour}_${minute}/${minute}_${second}_${number}.${extension}`;
}

/** The address that panels and the shared collections contain: without a leading slash. */
export const legacyPictureAddress = (path: string): string => `${ADDRESS}${path}`;

/** Pictures uploaded over the new API have no old address. */
export const isLegacyPicturePath = (path: string): boolean => !path.startsWith(`${UPLOADS_DIRECTORY}/`);

type Part = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second';

/** Making one takes 0.2 ms. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
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
  });
  formats.set(timeZone, made);
  return made;
}

function localParts(at: Date, timeZone: string): Readonly<Record<Part, number>> {
  const numbers = formatOf(timeZone)
    .formatToParts(at)
    .filter(({ type }) => type !== 'literal')
    .map(({ type, value }) => [type, Number(value)]);
  return Object.fromEntries(numbers) as Record<Part, number>;
}
