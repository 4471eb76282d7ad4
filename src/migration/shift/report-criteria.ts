import type { GreenGap } from '../front-door/index.js';
import type { MoveFigures } from './report-figures.js';

export interface Criterion {
  readonly name: string;
  /** One sentence. */
  readonly definition: string;
  readonly figure: string;
  readonly result: 'met' | 'missed' | 'not measured';
}

/** Limits of the plan of the move. */
const DEPLOY_LIMIT_MS = 300_000;
const ROLLBACK_LIMIT_MS = 120_000;
/** Of one window and color: fewer real posts give no percentile. */
const MIN_POSTS = 20;
const MIN_WINDOWS = 3;
/** Handovers from one command to the next take seconds. */
const WATCHED_RATIO = 0.99;

/** The plan's success criteria. What was not observed is not met. @param gaps null: nginx's log is not readable */
export function criteriaOf(move: MoveFigures, gaps: readonly GreenGap[] | null): readonly Criterion[] {
  return [
    responseTime(move),
    notMeasured(
      'Memory',
      'The resident memory of the service at the load of the old server is at most 150 MB.',
      'The journal has no memory figures.',
    ),
    zeroLoss(move, gaps),
    notMeasured(
      'Uptime',
      'At least 99.9 % of probes, one a second for the whole move, get a good answer at the public address.',
      'The journal has no such probes; the errors below are those of posts in the recorded windows.',
    ),
    deployment(move),
    rollback(move),
    notMeasured(
      'Monitoring and documentation',
      'Every metric, setting, command, route, event and error code is on the page that describes its kind.',
      'The tests of the release check this, not the move.',
    ),
  ];
}

/** How much of the move the figures are from. */
export function observedText({ fromMs, toMs, watchedMs, sampledMs }: MoveFigures): string {
  const share = (ms: number): string => (toMs > fromMs ? ((100 * ms) / (toMs - fromMs)).toFixed(1) : '0.0');
  return (
    `The move took ${duration(toMs - fromMs)}. A command watched for ${duration(watchedMs)} (${share(watchedMs)} %). ` +
    `The recorded windows cover ${duration(sampledMs)} (${share(sampledMs)} %); rates and latencies are of these windows alone.`
  );
}

export function duration(ms: number): string {
  const s = ms / 1_000;
  if (s < 60) return `${s.toFixed(1)} s`;
  return s < 3_600 ? `${(s / 60).toFixed(1)} min` : `${(s / 3_600).toFixed(1)} h`;
}

const notMeasured = (name: string, definition: string, figure: string): Criterion => ({
  ...{ name, definition, figure },
  result: 'not measured',
});

function responseTime({ windows, sampledMs }: MoveFigures): Criterion {
  const both = windows.flatMap(({ blue, green }) =>
    blue && green && [blue, green].every(({ posts, synthetic }) => posts - synthetic >= MIN_POSTS)
      ? [[blue.p50Ms, green.p50Ms] as const]
      : [],
  );
  const [blueMs, greenMs] = [median(both.map(([ms]) => ms)), median(both.map(([, ms]) => ms))];
  const figure = `green ${greenMs} ms, blue ${blueMs} ms in ${both.length} windows; ${duration(sampledMs)} were recorded`;
  return {
    name: 'Response time',
    definition:
      'The median of the p50 of posts by nginx’s log is on green at most that of blue in the same windows with 20 real posts of each ' +
      'or more; the 1 ms of the plan is not compared, because the old server answered before its write was durable.',
    figure: both.length === 0 ? 'no window has 20 real posts of each color' : figure,
    result: both.length < MIN_WINDOWS ? 'not measured' : greenMs <= blueMs ? 'met' : 'missed',
  };
}

function zeroLoss(move: MoveFigures, gaps: readonly GreenGap[] | null): Criterion {
  const { windows, watchedMs, fromMs, toMs } = move;
  const counts = windows.flatMap(({ missing }) => (missing === null ? [] : [missing]));
  const missing = Math.max(0, ...counts);
  const gapPosts = gaps?.reduce((sum, { posts }) => sum + posts, 0) ?? 0;
  const isWatched = watchedMs >= WATCHED_RATIO * (toMs - fromMs) && counts.length >= MIN_WINDOWS;
  return {
    name: 'Zero loss',
    definition:
      'Green has counted every post that it answered, and nginx’s log names no post that blue took and green did not, while 99 % of the ' +
      'move or more were watched.',
    figure:
      `${counts.length === 0 ? 'no count of posts' : `at most ${missing} posts not counted in a verdict`}; ` +
      `${gaps === null ? 'nginx’s log is not readable' : `${gapPosts} posts in ${gaps.length} gaps of green`}`,
    result: missing > 0 || gapPosts > 0 ? 'missed' : isWatched && gaps !== null ? 'met' : 'not measured',
  };
}

function deployment({ state, stepsMs }: MoveFigures): Criterion {
  const isDone = state.phase === 'done';
  return {
    name: 'Deployment',
    definition:
      'The steps from the start to phase done take at most 5 minutes together, without the waiting for gates.',
    figure: `${duration(stepsMs)}${isDone ? '' : '; phase done is not reached'}`,
    result: stepsMs > DEPLOY_LIMIT_MS ? 'missed' : isDone ? 'met' : 'not measured',
  };
}

function rollback({ rollbacks, toMs }: MoveFigures): Criterion {
  const times = rollbacks.map(({ at, durationMs }) => durationMs ?? toMs - Date.parse(at));
  const longestMs = Math.max(0, ...times);
  const isEnded = rollbacks.every(({ durationMs }) => durationMs !== null);
  return {
    name: 'Rollback',
    definition: 'Every rollback ends at most 2 minutes after its command or its verdict.',
    figure:
      rollbacks.length === 0
        ? 'no rollback'
        : `the longest of ${rollbacks.length}: ${duration(longestMs)}${isEnded ? '' : ', not ended'}`,
    result:
      longestMs > ROLLBACK_LIMIT_MS ? 'missed' : rollbacks.length > 0 && isEnded ? 'met' : 'not measured',
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
