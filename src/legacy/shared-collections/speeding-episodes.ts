import { markerTimeMs, type Position } from '../../core/index.js';
import { deterministicId } from './deterministic-id.js';
import { kmhOf } from './legacy-speed.js';

const LIMITS = [
  { field: 'speed_above_80', limitKmh: 80 },
  { field: 'speed_above_120', limitKmh: 120 },
] as const;

type EpisodeField = (typeof LIMITS)[number]['field'];

/** The ids of the speeding episodes of a position or of a vehicle. Absent: not above that limit. */
export type EpisodeIds = { readonly [Field in EpisodeField]?: unknown };

/** A longer pause between two late positions ends an episode: they can come from different drives. */
const MAX_LATE_PAUSE_MS = 60_000;

/** The vehicle's document in `ambulance_trackings`, as a moment in its track. */
interface Moment {
  /** −Infinity without a document. */
  readonly atMs: number;
  readonly ids: EpisodeIds;
}

interface Point {
  readonly atMs: number;
  readonly isAbove: boolean;
  /** undefined: not known yet. */
  readonly id: unknown;
  /** null: the point is the vehicle's document. */
  readonly position: Position | null;
}

/**
 * The episode ids of each position with a speed. Consecutive positions above a limit are one episode, which has one id:
 * that of a member which is stored already (the vehicle's document is one), else an id made of its first member. Positions
 * that are given again therefore get the same ids.
 * @param storedIds the ids of a position that is in the histories already; undefined: it is not
 * @param toId makes an id of 24 hexadecimal digits
 */
export function episodesOf(
  ambulanceId: string,
  positions: readonly Position[],
  latest: Moment,
  storedIds: (position: Position) => EpisodeIds | undefined,
  toId: (hex: string) => unknown,
): ReadonlyMap<Position, EpisodeIds> {
  const episodes = new Map<Position, Record<string, unknown>>();
  for (const { field, limitKmh } of LIMITS) {
    const id = latest.ids[field] ?? undefined;
    const points: Point[] = [{ atMs: latest.atMs, isAbove: id !== undefined, id, position: null }];
    for (const position of positions) {
      if (position.speedMps === undefined) continue;
      const isAbove = kmhOf(position.speedMps) > limitKmh;
      points.push({
        atMs: markerTimeMs(position),
        isAbove,
        id: isAbove ? storedIds(position)?.[field] : undefined,
        position,
      });
    }
    points.sort((one, other) => one.atMs - other.atMs);
    for (const run of runsAbove(points, latest.atMs)) {
      const known = run.find((point) => point.id !== undefined)?.id;
      const shared = known ?? toId(deterministicId(field, run[0]?.atMs ?? 0, ambulanceId));
      for (const { position, id: own } of run)
        if (position) episodes.set(position, { ...episodes.get(position), [field]: own ?? shared });
    }
  }
  return episodes;
}

/** The limits that the vehicle is not above: the document must not have their ids. */
export function endedEpisodes(ids: EpisodeIds): readonly EpisodeField[] {
  return LIMITS.map(({ field }) => field).filter((field) => ids[field] === undefined);
}

function runsAbove(points: readonly Point[], latestMs: number): readonly (readonly Point[])[] {
  const runs: Point[][] = [];
  let run: Point[] | null = null;
  let beforeMs = -Infinity;
  for (const point of points) {
    const isLate = point.atMs <= latestMs;
    if (!point.isAbove || (isLate && point.atMs - beforeMs > MAX_LATE_PAUSE_MS)) run = null;
    if (point.isAbove) {
      if (!run) runs.push((run = []));
      run.push(point);
    }
    beforeMs = point.atMs;
  }
  return runs;
}
