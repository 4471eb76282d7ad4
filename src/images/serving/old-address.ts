import { UPLOADS_DIRECTORY } from '../volume/volume-layout.js';

/** The old server's picture addresses; behind it comes what is below IMAGE_DIR. */

export const OLD_ADDRESS_PREFIX = '/uploads/ambulance_images/';

/**
 * The place below the volume that an address of the old server names, with `/` between its parts; null for one that
 * is made to lead somewhere else: `..`, an encoded slash, a NUL, bytes that are no UTF-8, or what is not the old
 * server's but ours.
 * @param url as it was sent: nothing decoded, nothing tidied up
 */
export function pathOfOldAddress(url: string): string | null {
  const path = url.split(/[?#]/, 1)[0] ?? '';
  if (!path.startsWith(OLD_ADDRESS_PREFIX)) return null;
  const parts = path.slice(OLD_ADDRESS_PREFIX.length).split('/').map(decoded);
  if (parts.some((part) => part === null || !isName(part))) return null;
  const [first = ''] = parts;
  if (first?.startsWith('.') || first === UPLOADS_DIRECTORY) return null;
  return parts.join('/');
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

function isName(part: string): boolean {
  return part !== '' && part !== '.' && part !== '..' && !/[/\p{Cc}]/u.test(part);
}

/**
 * What the old server called a picture: an address without the first slash. Null for one that has none, because it was
 * taken in under the new addresses.
 * @param path below the volume, with `/`
 */
export function oldAddressOf(path: string): string | null {
  const address = `${OLD_ADDRESS_PREFIX}${path.split('/').map(encodeURIComponent).join('/')}`;
  return pathOfOldAddress(address) === path ? `${OLD_ADDRESS_PREFIX.slice(1)}${path}` : null;
}
