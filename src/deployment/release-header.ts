import type { Release } from '../config/index.js';

export const RELEASE_HEADER = 'X-Release';

/** `1.4.0+1b2c3d4; color=green`: version and abbreviated revision as semver writes them, and the colour if it has one. */
export function releaseHeader({ version, revision, color }: Release): string {
  const build = revision === null ? '' : `+${revision.slice(0, 7)}`;
  return `${version}${build}${color === null ? '' : `; color=${color}`}`;
}
