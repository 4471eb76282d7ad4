/** Fixed by the contract. */
const LOW_SPACE_PCT = 10;
/** Points above IMAGE_MIN_FREE_PCT: the operator needs time before pictures are refused. */
const WARNING_PCT = 5;

/** Free space of the volume below which the instance is degraded (`volume.low_space`), per cent. */
export function lowSpacePct(minFreePct: number): number {
  return Math.max(LOW_SPACE_PCT, minFreePct + WARNING_PCT);
}
