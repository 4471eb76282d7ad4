import type { PositionInput } from '../../core/index.js';
import { simulateAmbulance } from './simulated-ambulance.js';
import { recordedCallSign } from './call-signs.js';
import type { Track, TrackFix } from './track.js';

/** `max`: as fast as the service acknowledges. */
export type PlaySpeed = number | 'max';

export interface PlannedFix {
  /** When it is due, milliseconds after the start of the run. */
  readonly dueMs: number;
  readonly position: PositionInput;
}

/** The fixes that one vehicle sends in a run. Planned before the run and independent of the clock. */
export interface Drive {
  /** Name of the recording, or of the simulated ambulance. */
  readonly track: string;
  /** As recorded, the call sign of the same vehicle at each run; null: a vehicle whose call sign has the prefix. */
  readonly callSign: string | null;
  readonly prefix: 'RPL' | 'SIM';
  /** Number of fixes; absent when it drives until it is stopped. */
  readonly total?: number;
  /** @param startMs the moment from which `dueMs` counts, epoch milliseconds */
  fixes(startMs: number): Iterable<PlannedFix>;
}

export interface TrackPlan {
  readonly speed: PlaySpeed;
  /** Vehicles on each track. */
  readonly vehicles: number;
  readonly isAsRecorded: boolean;
}

/** @throws Error when two files would use the same vehicle */
export function planTracks(tracks: readonly Track[], plan: TrackPlan): Drive[] {
  const drives = tracks.flatMap((track) =>
    Array.from({ length: plan.vehicles }, (_, vehicleIndex): Drive => ({
      track: track.name,
      callSign: plan.isAsRecorded ? recordedCallSign(track.name, vehicleIndex + 1) : null,
      prefix: 'RPL',
      total: track.fixes.length,
      fixes: (startMs) => playTrack(track.fixes, plan, startMs),
    })),
  );
  const seen = new Map<string, Drive>();
  for (const drive of drives) {
    if (drive.callSign === null) continue;
    const other = seen.get(drive.callSign);
    if (other !== undefined)
      throw new Error(`"${other.track}" and "${drive.track}" would both drive ${drive.callSign}: rename one`);
    seen.set(drive.callSign, drive);
  }
  return drives;
}

/**
 * In file order. A fix is due at the newest time so far, so a fix that is out of order is sent together with the fix
 * before it.
 */
function* playTrack(fixes: readonly TrackFix[], plan: TrackPlan, startMs: number): Generator<PlannedFix> {
  const shiftMs = plan.isAsRecorded ? 0 : shiftOf(fixes, plan.speed, startMs);
  const firstMs = fixes[0]?.timeMs ?? 0;
  let newestMs = firstMs;
  for (const { timeMs, ...measured } of fixes) {
    newestMs = Math.max(newestMs, timeMs);
    yield {
      dueMs: plan.speed === 'max' ? 0 : (newestMs - firstMs) / plan.speed,
      position: positionOf(measured, timeMs + shiftMs),
    };
  }
}

/**
 * The time by which recorded times are shifted, milliseconds. At `max` the newest fix gets the start time of the run.
 * In real time each fix gets the time at which it is sent. Slower than real time, the first fix gets it and the others
 * are older. No fix is ahead of the clock.
 */
function shiftOf(fixes: readonly TrackFix[], speed: PlaySpeed, startMs: number): number {
  const firstMs = fixes[0]?.timeMs ?? 0;
  const newestMs = fixes.reduce((newest, fix) => Math.max(newest, fix.timeMs), firstMs);
  const playMs = speed === 'max' ? 0 : (newestMs - firstMs) / Math.max(1, speed);
  return Math.round(startMs + playMs - newestMs);
}

interface SimulationPlan {
  readonly speed: PlaySpeed;
  readonly vehicles: number;
  readonly rateHz: number;
  readonly seed: number;
  /** Seconds of simulated time; absent: until it is stopped, in real time only. */
  readonly durationS?: number;
}

export function planSimulation(plan: SimulationPlan): Drive[] {
  return Array.from({ length: plan.vehicles }, (_, index) => ({
    track: `ambulance ${index + 1}`,
    callSign: null,
    prefix: 'SIM',
    ...(plan.durationS !== undefined && { total: Math.max(1, Math.floor(plan.durationS * plan.rateHz)) }),
    fixes: (startMs) => simulate(index, plan, startMs),
  }));
}

function* simulate(index: number, plan: SimulationPlan, startMs: number): Generator<PlannedFix> {
  const periodMs = 1000 / plan.rateHz;
  const total =
    plan.durationS === undefined ? Infinity : Math.max(1, Math.floor(plan.durationS * plan.rateHz));
  // The receivers of different vehicles do not send at the same moment.
  const phaseMs = (periodMs * index) / plan.vehicles;
  // The newest fix gets the time at which it is sent, as with a recording.
  const historyMs =
    plan.speed === 1 ? 0 : total * periodMs * (1 - (plan.speed === 'max' ? 0 : 1 / Math.max(1, plan.speed)));
  let count = 0;
  for (const fix of simulateAmbulance(plan.seed, index, plan.rateHz)) {
    if (count === total) return;
    const elapsedMs = phaseMs + count * periodMs;
    yield {
      dueMs: plan.speed === 'max' ? 0 : elapsedMs / plan.speed,
      position: positionOf(fix, Math.round(startMs - historyMs + elapsedMs)),
    };
    count += 1;
  }
}

function positionOf(measured: Omit<TrackFix, 'timeMs'>, timeMs: number): PositionInput {
  return { ...measured, time: new Date(timeMs).toISOString() };
}
