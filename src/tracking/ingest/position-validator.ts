import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { distanceM, isSamePlace, type Position, type QuarantineCode } from '../../core/index.js';
import type { GroupTrack } from './track-context.js';

/** The limits of the rules. Each one is a setting, whose default is the contract's value. */
export interface PositionLimits {
  /** How far the clock of a device may run ahead, seconds. */
  readonly maxAheadS: number;
  /** Epoch milliseconds. An earlier time comes from a clock that was never set. */
  readonly oldestMs: number;
  /** Distance from a rollover of the GPS week within which a time counts as one, days. */
  readonly rolloverDays: number;
  /** How far a fix may be behind the newest good fix of its vehicle, days. */
  readonly maxBehindDays: number;
  readonly maxAccuracyM: number;
  /** A higher speed between two positions is a jump: above any road vehicle and below the error of a bad fix. */
  readonly maxSpeedMps: number;
  /** Number of jumps in a row, each plausible after the one before, that prove a real movement. */
  readonly jumpsToRelease: number;
}

/** The verdict on one parsed position. */
export type ValidationResult =
  | {
      readonly verdict: 'stored';
      readonly late: boolean;
      /** Storage has it in quarantine. The write releases it there. */
      readonly wasHeld?: true;
    }
  | { readonly verdict: 'duplicate' }
  | { readonly verdict: 'quarantined'; readonly code: QuarantineCode };

/** A jump that storage has in quarantine, and that this group proves to be correct. */
interface ReleasedJump {
  readonly position: Position;
  readonly late: boolean;
}

export interface ValidatedGroup {
  /** One per position, in the order of the group. */
  readonly results: readonly ValidationResult[];
  readonly released: readonly ReleasedJump[];
}

/** Gives every position its verdict: `stored`, `duplicate` or `quarantined`. Writes nothing. */
@Injectable()
export class PositionValidator {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  /**
   * @param count positions in the group
   * @param tracks all positions of the group, by vehicle
   * @throws storage/unavailable
   */
  async validate(count: number, tracks: readonly GroupTrack[]): Promise<ValidatedGroup> {
    const results = new Array<ValidationResult>(count);
    const released: ReleasedJump[] = [];
    const others = tracks.filter((track) => !acceptNewer(track, this.settings.positions, results));
    await Promise.all(
      others.map(async (track) => {
        const validated = await validateTrack(track, this.settings.positions);
        validated.results.forEach((result, n) => (results[track.indexes[n] as number] = result));
        released.push(...validated.released);
      }),
    );
    return { results, released };
  }
}

const STORED: ValidationResult = { verdict: 'stored', late: false };

/**
 * The usual case, without a promise for each position: each position is newer than everything known of its vehicle, good, and
 * plausible from the one before. Then the verdicts are those of `validateTrack`.
 * @returns false when any position is something else; then nothing has changed
 */
function acceptNewer(
  { positions, indexes, context }: GroupTrack,
  limits: PositionLimits,
  results: ValidationResult[],
): boolean {
  if (!context.isAllNewer(positions)) return false;
  let newest = context.newest;
  for (const position of positions) {
    const newestMs = newest?.timeMs ?? -Infinity;
    if (position.timeMs <= newestMs || quarantineReason(position, newestMs, limits) !== null) return false;
    if (newest && !isPlausible(newest, position, limits)) return false;
    newest = position;
  }
  for (const index of indexes) results[index] = STORED;
  // The others are not needed: nothing of this vehicle follows in the group.
  const last = positions.at(-1);
  if (last) context.accept(last);
  return true;
}

async function validateTrack(
  { positions, context }: GroupTrack,
  limits: PositionLimits,
): Promise<ValidatedGroup> {
  const results: ValidationResult[] = [];
  const released: ReleasedJump[] = [];
  for (const position of positions) results.push(await validateOne(position));
  return { results, released };

  async function validateOne(position: Position): Promise<ValidationResult> {
    const same = context.at(position.timeMs);
    // This check comes first, because a position released from quarantine is a duplicate from then on.
    if (same && isSamePlace(same, position)) return { verdict: 'duplicate' };
    // A position sent again gets the same verdict, even when the clock has reached a `future` time meanwhile.
    const code =
      context.heldCode(position) ??
      quarantineReason(position, context.newestMs, limits) ??
      (same ? 'time_conflict' : null);
    if (code !== null) return quarantined(position, code);

    const before = await context.before(position.timeMs);
    if (before && !isPlausible(before, position, limits)) return validateJump(position);
    return stored(position);
  }

  /** Quarantines a jump, unless it completes a sequence of plausible jumps: then it accepts all of the sequence. */
  async function validateJump(position: Position): Promise<ValidationResult> {
    const around = await context.jumpsAround(position.timeMs);
    const others = around.filter((jump) => jump.timeMs !== position.timeMs);
    const jumps = [...others, position].sort((a, b) => a.timeMs - b.timeMs);
    const sequence = plausibleSequenceAround(jumps, jumps.indexOf(position), limits).flatMap(
      (index) => jumps[index] ?? [],
    );
    if (sequence.length === 0) return quarantined(position, 'jump');
    for (const jump of sequence) if (jump !== position) release(jump);
    return stored(position);
  }

  function release(jump: Position): void {
    context.accept(jump);
    const late = context.isLate(jump);
    const index = positions.findIndex((position, n) => position === jump && n < results.length);
    if (index < 0) released.push({ position: jump, late });
    else results[index] = { verdict: 'stored', late, ...(context.heldCode(jump) && { wasHeld: true }) };
  }

  function stored(position: Position): ValidationResult {
    context.accept(position);
    return { verdict: 'stored', late: context.isLate(position) };
  }

  function quarantined(position: Position, code: QuarantineCode): ValidationResult {
    context.hold(position, code);
    return { verdict: 'quarantined', code };
  }
}

const DAY_MS = 86_400_000;
/** A GPS week has 10 bits (IS-GPS-200, 20.3.3.3.1.1): a receiver that counts them wrong is off by 1,024 weeks, or twice. */
const ROLLOVERS_MS = [1_024 * 7 * DAY_MS, 2_048 * 7 * DAY_MS];

/**
 * The rules that need no other place.
 * @param newestMs time of the newest good fix of the vehicle, epoch milliseconds; -Infinity without one
 */
export function quarantineReason(
  position: Position,
  newestMs: number,
  limits: PositionLimits,
): QuarantineCode | null {
  if (position.timeMs - position.receivedAtMs > limits.maxAheadS * 1_000) return 'future';
  if (position.timeMs < limits.oldestMs) return 'too_old';
  if (isClockStale(position, newestMs, limits)) return 'stale_clock';
  const { accuracyM = 0 } = position;
  if (accuracyM < 0 || accuracyM > limits.maxAccuracyM) return 'inaccurate';
  if (position.lat === 0 && position.lon === 0) return 'null_island';
  return null;
}

/** A clock that fell back. Without a newer fix of the vehicle, an old time can also be an old track: it is good. */
function isClockStale(
  { timeMs, receivedAtMs }: Position,
  newestMs: number,
  { rolloverDays, maxBehindDays }: PositionLimits,
): boolean {
  // A released fix can have a time in the future, which must not make the present look old.
  if (Math.min(newestMs, receivedAtMs) - timeMs > maxBehindDays * DAY_MS) return true;
  const ageMs = receivedAtMs - timeMs;
  return rolloverDays > 0 && ROLLOVERS_MS.some((ms) => Math.abs(ageMs - ms) <= rolloverDays * DAY_MS);
}

type Fix = Pick<Position, 'lat' | 'lon' | 'timeMs' | 'accuracyM'>;

/**
 * True when a vehicle can have driven from one fix to the next. Both radii of accuracy are subtracted from the distance.
 * A time under one second counts as one second, because the noise of a receiver would give any speed.
 */
export function isPlausible(from: Fix, to: Fix, limits: PositionLimits): boolean {
  const travelledM = distanceM(from, to) - (from.accuracyM ?? 0) - (to.accuracyM ?? 0);
  const timeS = Math.max((to.timeMs - from.timeMs) / 1_000, 1);
  return travelledM / timeS <= limits.maxSpeedMps;
}

/**
 * Looks at every window of `jumpsToRelease` jumps that contains `index`, and accepts the windows in which each jump is
 * plausible from the one before.
 * @param jumps ascending by time, no two at the same time
 * @returns the indexes of the accepted jumps, ascending; empty when no window is accepted
 */
export function plausibleSequenceAround(
  jumps: readonly Fix[],
  index: number,
  limits: PositionLimits,
): number[] {
  const length = limits.jumpsToRelease;
  const accepted = new Set<number>();
  for (
    let start = Math.max(0, index - length + 1);
    start <= index && start + length <= jumps.length;
    start += 1
  ) {
    const window = jumps.slice(start, start + length);
    const isSequence = window.every((jump, n) => {
      const before = window[n - 1];
      return before === undefined || isPlausible(before, jump, limits);
    });
    if (isSequence) window.forEach((_, n) => accepted.add(start + n));
  }
  return [...accepted].sort((a, b) => a - b);
}
