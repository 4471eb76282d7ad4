import type { Vehicle, VehicleView } from './vehicle.js';

/**
 * A strong ETag: the version of the vehicle, a dot, and the time of its last position. A new position changes the
 * representation, so the tag must change for caches, but it does not change the version.
 */
export function vehicleEtag({ version }: Vehicle, { lastPosition }: VehicleView): string {
  const shown = lastPosition === null ? '' : `.${Date.parse(lastPosition.time).toString(36)}`;
  return `"${version}${shown}"`;
}

/**
 * `*`, or a list with a tag of this version. The position in a tag is ignored. RFC 9110 (13.1.1) compares strong tags only,
 * but a weak one counts here: a proxy that compresses an answer (nginx with `gzip`) weakens its tag, and the version in it
 * still names exactly what the client has read.
 */
export function matchesIfMatch(ifMatch: string | undefined, { version }: Vehicle): boolean {
  if (ifMatch === undefined || ifMatch.trim() === '*') return true;
  return ifMatch
    .split(',')
    .some((tag) => /^(?:W\/)?"(\d+)(?:\.[^"]*)?"$/.exec(tag.trim())?.[1] === String(version));
}
