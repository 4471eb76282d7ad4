/** A durable crash report of a vehicle's tracking box. */
export interface Crash {
  /** 24 hexadecimal digits. Their order is the order of arrival. */
  readonly id: string;
  readonly vehicleId: string;
  /** When the report arrived, by the clock of this service: a box sends no time. */
  readonly reportedAt: Date;
  /** WGS-84 degrees. `lat` and `lon` are both null when the box has no fix; the report is kept all the same. */
  readonly lat: number | null;
  readonly lon: number | null;
  /** Metres per second. */
  readonly speedMps: number | null;
  /** Degrees clockwise from north. */
  readonly headingDeg: number | null;
  /** See `RecordEpoch`. */
  readonly roleEpoch?: number;
}

declare module '../core/events/event-bus.js' {
  interface EventMap {
    /**
     * A crash report is durable, and no client has received it yet: `crash.recorded` follows when every listener is done.
     * Only on the instance that has stored it. A listener must limit its time.
     */
    'crash.stored': Crash;
    /** A crash report is durable. Shared with every instance. */
    'crash.recorded': {
      readonly crash: Crash;
      /** What the old tracking box sent, for panels that show its fields unchanged. In memory only, never stored. */
      readonly originalFields?: Readonly<Record<string, unknown>>;
    };
  }
}
