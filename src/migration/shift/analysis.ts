import type { Color } from './front-door-log.js';

/** What one color did in the window. */
export interface ColorFigures {
  /** Posts of boxes, and probes of the move, with an answer or without. */
  readonly posts: number;
  /** Of these, probes: posts of the box `samserver-probe`, which exists on neither server. */
  readonly synthetic: number;
  /** No answer, or 5xx. */
  readonly errors: number;
  /** In how many different seconds there were errors. */
  readonly errorSeconds: number;
  /** Answered later than `LIMITS.p99Ms`. */
  readonly slow: number;
  /** In how many different seconds posts were slow. */
  readonly slowSeconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** That a test panel got since the panels of both colors are there. Null: one of them is not. */
  readonly frames: number | null;
}

/** Both colors in the same window. */
export interface Observation extends Readonly<Record<Color, ColorFigures>> {
  /** Test panels count frames; else nothing is said about frames. */
  readonly hasPanels: boolean;
  readonly windowMs: number;
  /** How long the observation has run; at most `windowMs` counts. */
  readonly observedMs: number;
  /** Blue has answered one of its last probes, or was not asked often enough yet. */
  readonly isBlueUp: boolean;
  /** Probes of `/ready` in a row without an answer. */
  readonly greenSilences: number;
  /** The same for blue, probed at the same moments. */
  readonly blueSilences: number;
  /** Null: no answer. */
  readonly ready: { readonly state: string; readonly reasons: readonly string[] } | null;
  /** How long green has been not ready without a pause. */
  readonly notReadyMs: number;
  readonly tee: { readonly state: string; readonly oldestMs: number } | null;
  /** Posts that nginx has an answer of green for, and how many of them green has not counted. */
  readonly counted: { readonly expected: number; readonly missing: number };
  /** Age of the last post that green did not get; null: none since the observation began. */
  readonly lastGapMs: number | null;
  /** nginx uses the share of the phase. */
  readonly isShareInForce: boolean;
}

export const LIMITS = {
  /** For green, absolute. */
  p99Ms: 500,
  /** Share of the posts without a good answer. */
  errorRatio: 0.02,
  minErrors: 5,
  /** Errors, or slow posts, in fewer different seconds are one stall. */
  minSeconds: 3,
  /** A percentile of fewer posts is one post. */
  minPosts: 20,
  minSlow: 3,
  /** Probes of `/ready`, one a second. */
  silences: 3,
  notReadyMs: 15_000,
  minFrames: 20,
  missing: 5,
  missingRatio: 0.01,
} as const;

/** The volume is another one, or none. Two readings of the check agree before the service reports them. */
const VOLUME_REASONS: readonly string[] = [
  'volume.foreign',
  'volume.unmarked',
  'volume.empty',
  'volume.missing',
];

export type Verdict = 'good' | 'wait' | 'hold' | 'rollback';
export interface Decision {
  readonly verdict: Verdict;
  readonly why: string;
}

/** A fault of one color, as text. */
interface Fault {
  readonly text: string;
  /** Blue has the same one, or shares its cause: going back would not help. */
  readonly isShared: boolean;
}

/**
 * What the observation says about the phase. A fault that both colors have, or a blue that is down, holds the move: the last
 * ready color keeps the traffic. A fault of green alone rolls back while green has a share; in the shadow no client depends on
 * green, so the next phase waits.
 */
export function decide(observation: Observation, hasShare: boolean): Decision {
  if (!observation.isShareInForce)
    return {
      verdict: 'hold',
      why: 'nginx does not use the share of this phase: another command has changed it',
    };
  const faults = greenFaults(observation);
  const own = faults.filter(({ isShared }) => !isShared);
  if (!observation.isBlueUp)
    return { verdict: 'hold', why: ['blue does not answer', ...faults.map(({ text }) => text)].join('; ') };
  if (own.length > 0) {
    const why = own.map(({ text }) => text).join('; ');
    return { verdict: hasShare ? 'rollback' : 'wait', why };
  }
  if (faults.length > 0)
    return { verdict: 'hold', why: `both colors: ${faults.map(({ text }) => text).join('; ')}` };
  const missing = missingData(observation);
  return missing.length > 0
    ? { verdict: 'wait', why: missing.join('; ') }
    : { verdict: 'good', why: 'both colors are good' };
}

function greenFaults(observation: Observation): readonly Fault[] {
  const { blue, green, ready, tee, counted, greenSilences, blueSilences, notReadyMs } = observation;
  const faults: Fault[] = [];
  const add = (isFault: boolean, text: string, isShared = false): void => {
    if (isFault) faults.push({ text, isShared });
  };
  add(
    greenSilences >= LIMITS.silences,
    `green has not answered ${greenSilences} probes in a row`,
    // The machine stands still.
    blueSilences >= LIMITS.silences,
  );
  add(
    ready !== null && notReadyMs >= LIMITS.notReadyMs,
    `green is ${ready?.state}: ${ready?.reasons.join(', ')}`,
    // Both servers use the database. Green keeps posts in its spool meanwhile; its errors are counted below.
    ready?.reasons.every((reason) => reason.startsWith('mongo.')),
  );
  // A green that serves goes on with them as degraded: its pictures would go to another volume, or nowhere.
  const volume = ready?.reasons.filter((reason) => VOLUME_REASONS.includes(reason)) ?? [];
  add(volume.length > 0, `green has not its picture volume: ${volume.join(', ')}`);
  add(
    hasErrors(green),
    `green: ${green.errors} of ${green.posts} posts without a good answer`,
    hasErrors(blue) && errorRatio(blue) >= errorRatio(green) / 2,
  );
  add(
    isSlow(green),
    `green: p99 ${Math.round(green.p99Ms)} ms, the limit is ${LIMITS.p99Ms} ms`,
    isSlow(blue),
  );
  // The service says so of a post that has waited for over 15 s.
  add(
    tee?.state === 'stalled',
    `tee.stalled: a post has waited for ${Math.round((tee?.oldestMs ?? 0) / 1_000)} s for blue`,
  );
  add(
    counted.missing > Math.max(LIMITS.missing, counted.expected * LIMITS.missingRatio),
    `green has not counted ${counted.missing} of ${counted.expected} posts that it answered`,
  );
  const [blueFrames, greenFrames] = [blue.frames ?? 0, green.frames ?? 0];
  add(
    blueFrames >= LIMITS.minFrames && green.frames !== null && greenFrames < blueFrames / 2,
    `green: ${greenFrames} frames for a panel, blue: ${blueFrames}`,
  );
  return faults;
}

const errorRatio = ({ errors, posts }: ColorFigures): number => (posts === 0 ? 0 : errors / posts);
const hasErrors = (figures: ColorFigures): boolean =>
  figures.errors >= LIMITS.minErrors &&
  figures.errorSeconds >= LIMITS.minSeconds &&
  errorRatio(figures) > LIMITS.errorRatio;
const isSlow = ({ posts, slow, slowSeconds }: ColorFigures): boolean =>
  slow >= LIMITS.minSlow && slowSeconds >= LIMITS.minSeconds && slow > posts * 0.01;

/** No data is no success. */
function missingData(observation: Observation): readonly string[] {
  const { hasPanels, windowMs, observedMs, blue, green, ready, tee } = observation;
  return [
    ...(observedMs < windowMs
      ? [`observed for ${Math.floor(observedMs / 1_000)} of ${windowMs / 1_000} s`]
      : []),
    ...Object.entries({ blue, green }).flatMap(([color, { posts }]) =>
      posts < LIMITS.minPosts ? [`${color}: ${posts} posts and probes, ${LIMITS.minPosts} are needed`] : [],
    ),
    ...(ready === null ? ['green does not answer /ready'] : []),
    ...(ready !== null && ready.reasons.length > 0 ? [`green: ${ready.reasons.join(', ')}`] : []),
    ...(tee === null ? ['the tee does not answer'] : []),
    ...(hasPanels && (blue.frames === null || green.frames === null)
      ? ['a test panel of each color is not there yet']
      : []),
  ];
}
