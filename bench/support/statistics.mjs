/** Figures from repeated rounds. */

/** @returns the value at this share of sorted values, 0…1; null without values */
export function at(sorted, share) {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

export function sortedNumbers(values) {
  return [...values].sort((a, b) => a - b);
}

export function median(values) {
  const sorted = sortedNumbers(values);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @returns median, lowest and highest value */
export function spreadOf(values) {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

export function round(value, digits = 1) {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

/** Below this share a difference is not reported, however regular it is. */
const SMALLEST_DIFFERENCE = 0.02;
/** Small, because a run compares many figures. */
const SIGNIFICANCE = 0.02;

/**
 * Compares two subjects by pairs of neighbouring rounds, so that other load on the machine affects both of a pair. The test
 * is Wilcoxon's signed-rank test, two-sided and exact. It needs 7 pairs: with fewer, no result can be significant.
 * @param pairs of [before, after], both above 0
 * @returns `change`: median of after / before − 1; `p`; `verdict`: 'higher', 'lower' or 'no difference'
 */
export function compare(pairs) {
  const logs = pairs.map(([before, after]) => Math.log(after / before));
  const change = Math.exp(median(logs)) - 1;
  const p = signedRankP(logs.filter((log) => log !== 0));
  const isDifferent = p <= SIGNIFICANCE && Math.abs(change) >= SMALLEST_DIFFERENCE;
  return { change, p, verdict: !isDifferent ? 'no difference' : change > 0 ? 'higher' : 'lower' };
}

/** The share of all 2^n assignments of signs whose rank sum is as far from the middle as that of these differences. */
function signedRankP(differences) {
  const ranks = ranksOf(differences.map(Math.abs));
  const half = ranks.reduce((sum, rank) => sum + rank, 0) / 2;
  const seen = Math.abs(ranks.reduce((sum, rank, n) => sum + (differences[n] > 0 ? rank : 0), 0) - half);
  // The number of assignments for each rank sum. Ranks of ties are multiples of a half.
  let counts = new Map([[0, 1]]);
  for (const rank of ranks) {
    const next = new Map(counts);
    for (const [sum, count] of counts) next.set(sum + rank, (next.get(sum + rank) ?? 0) + count);
    counts = next;
  }
  let extreme = 0;
  for (const [sum, count] of counts) if (Math.abs(sum - half) >= seen) extreme += count;
  return extreme / 2 ** ranks.length;
}

/** Ranks from 1; equal values share the mean of their ranks. */
function ranksOf(values) {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const same = values.filter((other) => other === value).length;
    return below + (same + 1) / 2;
  });
}

/** The same values, beginning with another one in each round, so that none is always the first. */
export function rotated(values, by) {
  const start = by % values.length;
  return [...values.slice(start), ...values.slice(0, start)];
}

/** For the progress line. Round −1 is not counted: it includes compilation. */
export function roundName(round, rounds) {
  return round < 0 ? 'warm-up' : `round ${round + 1} of ${rounds}`;
}
