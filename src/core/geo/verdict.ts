export const VERDICTS = ['stored', 'duplicate', 'quarantined', 'rejected'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Why a position is quarantined, as a code and a text for people, in the order in which the rules run. */
export const QUARANTINE_TEXTS = {
  future: 'time is too far ahead of the clock of the service.',
  too_old: 'time is before the oldest accepted day: the clock of the device was not set.',
  stale_clock: 'time is years behind: the clock of the device fell back.',
  inaccurate: 'accuracyM is too large, or negative: the device calls its place invalid.',
  null_island: 'lat and lon are both 0: the receiver has no fix.',
  time_conflict: 'The vehicle has another place at the same time.',
  jump: 'The place is too far from the one before to be reached in this time.',
} as const;
export type QuarantineCode = keyof typeof QUARANTINE_TEXTS;
export const QUARANTINE_CODES = Object.keys(QUARANTINE_TEXTS) as readonly QuarantineCode[];

/** The field that makes a position unusable, as a code and a text for people. */
export const REJECTION_TEXTS = {
  invalid_position: 'A position must be an object.',
  invalid_lat: 'lat must be a number of degrees from -90 to 90.',
  invalid_lon: 'lon must be a number of degrees from -180 to 180.',
  invalid_time: 'time must be an existing time with its zone, as in 2026-11-01T10:00:00.000Z.',
} as const;
export type RejectionCode = keyof typeof REJECTION_TEXTS;

/** Of the verdict `duplicate`, which needs no code. */
export const DUPLICATE_TEXT = 'The same time and place are stored already.';

/** The verdict on one position of a report. */
export interface PositionResult {
  /** Index in the report, from 0. */
  readonly index: number;
  readonly verdict: Verdict;
  /** The reason; present for `quarantined` and `rejected`. */
  readonly code?: string;
  /** What the verdict means, for people; present for every verdict but `stored`. */
  readonly text?: string;
  /** Stored, and older than the newest known position of the vehicle. */
  readonly late?: true;
  /** Optional fields that were out of range and are not kept. */
  readonly dropped?: readonly string[];
}

/** The answer to a report of positions, the same over HTTP and Socket.IO. */
export interface ReportAnswer {
  readonly results: readonly PositionResult[];
  readonly stored: number;
  readonly duplicate: number;
  readonly quarantined: number;
  readonly rejected: number;
}
