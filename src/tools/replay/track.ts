/** A recording as its file tells it: arrival order, every fault kept. */

export interface TrackFix {
  /** Epoch milliseconds. */
  readonly timeMs: number;
  readonly lat: number;
  readonly lon: number;
  /** Negative as some phones write "unknown": judging is the service's business. */
  readonly speedMps?: number;
  readonly headingDeg?: number;
  readonly accuracyM?: number;
  readonly altitudeM?: number;
}

export interface Track {
  /** File name without its ending. */
  readonly name: string;
  /** File name. */
  readonly file: string;
  readonly fixes: readonly TrackFix[];
  /** Where in the file the points are that have no time and so cannot be played: `line 12`, `features[3]`. */
  readonly withoutTime: readonly string[];
  /** What else in the file is no track: `features[0] (Polygon)`. */
  readonly ignored: readonly string[];
}

/** One line: file, place, fault. */
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
