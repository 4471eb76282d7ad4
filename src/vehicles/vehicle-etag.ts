import type { Vehicle, VehicleView } from './vehicle.js';

/**
 * A strong ETag: the vehicle's version and, behind a dot, the time of the position that it was shown with. A moving
 * vehicle is another representation, which a cache must not take for the old one, but no other version.
 */
export function vehicleEtag({ version }: Vehicle, { lastPosition }: VehicleView): string {
  const shown = lastPosition === null ? '' : `.${Date.parse(lastPosition.time).toString(36)}`;
  return `"${version}${shown}"`;
}

/** RFC 9110, 13.1.1: `*`, or a list of which one strong tag names this version. Where the vehicle is does not count. */
export function matchesIfMatch(ifMatch: string | undefined, { version }: Vehicle): boolean {
  if (ifMatch === undefined || ifMatch.trim() === '*') return true;
  return ifMatch.split(',').some((tag) => /^"(\d+)(?:\.[^"]*)?"$/.exec(tag.trim())?.[1] === String(version));
}
