/**
 * The words of a position, from the edge to storage and back.
 * Units everywhere: WGS-84 degrees, metres, metres per second, degrees clockwise from north, UTC.
 */

/** What a device measured, parsed and bounded once at the edge. */
export interface Fix {
  /** −90…90 */
  readonly lat: number;
  /** −180…180 */
  readonly lon: number;
  /** When the receiver took it, epoch milliseconds; whole. */
  readonly timeMs: number;
  /** 0…1,000 */
  readonly speedMps?: number;
  /** 0…360, 360 itself excluded */
  readonly headingDeg?: number;
  /** Radius of the receiver's own estimate, 0…10,000,000 */
  readonly accuracyM?: number;
  /** −1,000…100,000 above the ellipsoid or the sea: receivers do not say which. */
  readonly altitudeM?: number;
  /** 0…100 */
  readonly batteryPct?: number;
  readonly ignition?: boolean;
  /** Whatever else the device knows; at most 2,048 bytes as JSON. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** A fix that arrived: whose it is and when it came in. */
export interface Position extends Fix {
  /** 24 hexadecimal digits. */
  readonly vehicleId: string;
  /** This instance's clock at arrival, epoch milliseconds. */
  readonly receivedAtMs: number;
}

export const VERDICTS = ['stored', 'duplicate', 'quarantined', 'rejected'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What became of one reported position; `index` is its place in the report. */
export interface PositionResult {
  readonly index: number;
  readonly verdict: Verdict;
  /** Why, for `quarantined` and `rejected`. */
  readonly code?: string;
  /** Stored, but older than the newest that was known. */
  readonly late?: true;
  /** Optional fields that were at fault and left out. */
  readonly dropped?: readonly string[];
}

/** The answer to a report, the same over HTTP and over the socket. */
export interface ReportAnswer {
  readonly results: readonly PositionResult[];
  readonly stored: number;
  readonly duplicate: number;
  readonly quarantined: number;
  readonly rejected: number;
}

/** A position as a client sends it: see `Fix` for the ranges; `time` is ISO-8601 UTC. */
export interface PositionInput extends Omit<Fix, 'timeMs'> {
  readonly time: string;
}

/** A position as clients read it. */
export interface PositionView extends PositionInput {
  /** ISO-8601 UTC to the millisecond. */
  readonly receivedAt: string;
}
