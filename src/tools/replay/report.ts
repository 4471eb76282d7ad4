import { EXIT_CODES, type ExitCode } from '../../core/commands/index.js';
import type { LatencyHistogram } from './latency-histogram.js';
import type { LiveDeliveryTracker } from './live-delivery-tracker.js';
import { sum, type Tally } from './tally.js';

type Counts = Readonly<Record<string, number>>;

export interface RunCounts {
  readonly sent: number;
  readonly stored: number;
  readonly duplicate: number;
  /** By code. */
  readonly quarantined: Counts;
  /** By code. */
  readonly rejected: Counts;
  /** Sent without a verdict, by error code. */
  readonly unacknowledged: Counts;
  readonly late: number;
  /** Stored without a faulty optional field. */
  readonly dropped: number;
  /** Stored fixes that the live stream showed. */
  readonly seenLive: number;
  /** Stored fixes that the live stream did not show. */
  readonly notSeenLive: number;
  /** Quarantined, then released and shown live during the run. */
  readonly released: number;
  /** Planned but not sent, because the drive was given up or interrupted. */
  readonly notSent: number;
}

interface DriveReport extends RunCounts {
  readonly track: string;
  readonly callSign: string;
  readonly vehicleId: string;
}

/** The result of a run, printed as a table or as JSON. */
export interface RunReport {
  readonly drives: readonly DriveReport[];
  readonly totals: RunCounts;
  /** Round trips of acknowledged requests, milliseconds. */
  readonly acknowledgementMs: {
    readonly requests: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
  /** Fixes sent again after a cut, an acknowledgement time-out or a `retryAfterMs`. */
  readonly resends: number;
  /** From the first fix to the last acknowledgement. */
  readonly seconds: number;
  readonly isInterrupted: boolean;
  readonly notes: readonly string[];
  readonly exitCode: ExitCode;
}

interface FinishedDrive {
  readonly track: string;
  readonly callSign: string;
  readonly vehicleId: string;
  readonly total?: number;
  readonly tally: Tally;
}

interface FinishedRun {
  readonly drives: readonly FinishedDrive[];
  readonly deliveries: LiveDeliveryTracker;
  readonly latencies: LatencyHistogram;
  readonly resends: number;
  readonly seconds: number;
  readonly isInterrupted: boolean;
  readonly notes: readonly string[];
}

export function reportOf(run: FinishedRun): RunReport {
  const drives = run.drives.map((drive) => driveReport(drive, run.deliveries));
  const totals = drives.reduce<RunCounts>(add, ZERO_COUNTS);
  const { latencies } = run;
  const isComplete =
    sum(new Map(Object.entries(totals.unacknowledged))) === 0 &&
    totals.notSeenLive === 0 &&
    totals.notSent === 0;
  return {
    drives,
    totals,
    acknowledgementMs: {
      requests: latencies.count,
      p50: roundToTenths(latencies.percentileMs(0.5)),
      p95: roundToTenths(latencies.percentileMs(0.95)),
      p99: roundToTenths(latencies.percentileMs(0.99)),
      max: roundToTenths(latencies.maxMs),
    },
    resends: run.resends,
    seconds: roundToTenths(run.seconds),
    isInterrupted: run.isInterrupted,
    notes: run.notes,
    exitCode: run.isInterrupted ? EXIT_CODES.INTERRUPTED : isComplete ? EXIT_CODES.OK : EXIT_CODES.FAILURE,
  };
}

function driveReport({ tally, ...drive }: FinishedDrive, deliveries: LiveDeliveryTracker): DriveReport {
  return {
    track: drive.track,
    callSign: drive.callSign,
    vehicleId: drive.vehicleId,
    sent: tally.sent,
    stored: tally.stored,
    duplicate: tally.duplicate,
    quarantined: Object.fromEntries(tally.quarantined),
    rejected: Object.fromEntries(tally.rejected),
    unacknowledged: Object.fromEntries(tally.unacknowledged),
    late: tally.late,
    dropped: tally.dropped,
    seenLive: deliveries.seen(drive.vehicleId),
    notSeenLive: deliveries.missing(drive.vehicleId),
    released: deliveries.released(drive.vehicleId),
    notSent: drive.total === undefined ? 0 : drive.total - tally.sent,
  };
}

const ZERO_COUNTS: RunCounts = {
  sent: 0,
  stored: 0,
  duplicate: 0,
  quarantined: {},
  rejected: {},
  unacknowledged: {},
  late: 0,
  dropped: 0,
  seenLive: 0,
  notSeenLive: 0,
  released: 0,
  notSent: 0,
};

function add(a: RunCounts, b: RunCounts): RunCounts {
  return {
    sent: a.sent + b.sent,
    stored: a.stored + b.stored,
    duplicate: a.duplicate + b.duplicate,
    quarantined: addCounts(a.quarantined, b.quarantined),
    rejected: addCounts(a.rejected, b.rejected),
    unacknowledged: addCounts(a.unacknowledged, b.unacknowledged),
    late: a.late + b.late,
    dropped: a.dropped + b.dropped,
    seenLive: a.seenLive + b.seenLive,
    notSeenLive: a.notSeenLive + b.notSeenLive,
    released: a.released + b.released,
    notSent: a.notSent + b.notSent,
  };
}

function addCounts(a: Counts, b: Counts): Counts {
  const total: Record<string, number> = { ...a };
  for (const [code, count] of Object.entries(b)) total[code] = (total[code] ?? 0) + count;
  return total;
}

function roundToTenths(value: number): number {
  return Math.round(value * 10) / 10;
}
