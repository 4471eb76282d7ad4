/** What is noticed about a vehicle for crews: by name, as the old panels' phones know them. */
export const CREW_EVENT_TYPES = [
  'online',
  'offline',
  'speed_above_80',
  'speed_below_80',
  'speed_above_120',
  'speed_below_120',
  'near_arrival',
] as const;
export type CrewEventType = (typeof CREW_EVENT_TYPES)[number];

/** As watchers are told of it. */
export interface CrewEventView {
  /** The same however often it is told. */
  readonly id: string;
  readonly vehicleId: string;
  readonly type: CrewEventType;
  /** ISO-8601 UTC to the millisecond. */
  readonly at: string;
  /** Where the vehicle was last, WGS-84 degrees. */
  readonly lat: number;
  readonly lon: number;
  /** km/h; null before the first speed. */
  readonly averageKmh: number | null;
  /** Of the open request in the shared database; null without one. */
  readonly requestId: string | null;
  /** To the destination; of a near arrival only. */
  readonly minutesLeft: number | null;
}

/** All of them are always there. */
export const CREW_EVENT_FIELDS = [
  'id',
  'vehicleId',
  'type',
  'at',
  'lat',
  'lon',
  'averageKmh',
  'requestId',
  'minutesLeft',
] as const satisfies readonly (keyof CrewEventView)[];
