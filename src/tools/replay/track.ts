export interface TrackFix {
  /** Epoch milliseconds. */
  readonly timeMs: number;
  readonly lat: number;
  readonly lon: number;
  /** Some phones write a negative value for "unknown"; the service validates it. */
  readonly speedMps?: number;
  readonly headingDeg?: number;
  readonly accuracyM?: number;
  readonly altitudeM?: number;
  readonly batteryPct?: number;
  readonly ignition?: boolean;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** A recording in the order of its file. The service validates the values: they can be out of range. */
export interface Track {
  /** File name without its ending. */
  readonly name: string;
  /** File name. */
  readonly file: string;
  readonly fixes: readonly TrackFix[];
  /** Points with a malformed value, which cannot be played: `line 12: column time: "noon" is not a time`. */
  readonly refused: readonly string[];
  /** Places of points without a time, which cannot be played: `line 12`, `features[3]`. */
  readonly withoutTime: readonly string[];
  /** Parts of the file that are no track: `features[0] (Polygon)`. */
  readonly ignored: readonly string[];
}

/** The message is one line: file, place, fault. */
export class TrackFileError extends Error {
  constructor(
    readonly file: string,
    readonly place: string | null,
    fault: string,
  ) {
    super([file, place, fault].filter((part) => part !== null).join(': '));
    this.name = 'TrackFileError';
  }
}

export type TrackReader = (text: string, file: string) => Track;

export function trackNameOf(file: string): string {
  return file.replace(/\.[^.]+$/, '');
}
