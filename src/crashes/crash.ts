/** A vehicle's box has felt a crash. */
export interface CrashReport {
  readonly vehicleId: string;
  /** By our clock: boxes send no time. */
  readonly reportedAt: Date;
  /** WGS-84 degrees; null, both, when the box did not know where it was. A crash without a place is a crash. */
  readonly lat: number | null;
  readonly lon: number | null;
  /** Metres per second. */
  readonly speedMps: number | null;
  /** Degrees clockwise from north. */
  readonly headingDeg: number | null;
}

/** One that is durable. */
export interface Crash extends CrashReport {
  /** 24 hexadecimal digits; their order is the order of arrival. */
  readonly id: string;
}

/** As clients read it. */
export interface CrashView extends Omit<Crash, 'reportedAt'> {
  /** ISO-8601 UTC to the millisecond. */
  readonly reportedAt: string;
}

export function toCrashView(crash: Crash): CrashView {
  return { ...crash, reportedAt: crash.reportedAt.toISOString() };
}

declare module '../core/events/event-bus.js' {
  interface EventMap {
    /** A crash report became durable. */
    'crash.recorded': Crash;
  }
}
