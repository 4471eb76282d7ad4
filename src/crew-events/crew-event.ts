/** The types of crew events, with the names that the old panels' phones use. */
export const CREW_EVENT_TYPES = [
  'online',
  'offline',
  'speed_above_80',
  'speed_below_80',
  'speed_above_120',
  'speed_below_120',
  'near_arrival',
  'clock_behind',
] as const;
export type CrewEventType = (typeof CREW_EVENT_TYPES)[number];

/**
 * The words of the panel's notification handler, which ignores every other one. null: the handler has no such word, so the
 * event is stored and shown, not sent. Source: the operators' API, `postAmbulanceSpeedNotification`.
 */
export const PANEL_NOTIFICATION_TYPES: Readonly<Record<CrewEventType, string | null>> = {
  online: 'AMBULANCE_TRACKING_STATUS_ONLINE',
  offline: 'AMBULANCE_TRACKING_STATUS_OFFLINE',
  speed_above_80: 'SPEED_ABOVE_80',
  speed_below_80: 'SPEED_BELOW_80',
  speed_above_120: 'SPEED_ABOVE_120',
  speed_below_120: 'SPEED_BELOW_120',
  // Spelt so in the handler.
  near_arrival: 'AMBULACNE_NEAR_ABOUT_SCENE',
  clock_behind: null,
};

/** A crew event on the wire: event `crew` of namespace `/live`. */
export interface CrewEventView {
  /** Unique for the event. A repeated delivery has the same id. */
  readonly id: string;
  readonly vehicleId: string;
  readonly type: CrewEventType;
  /** ISO-8601 UTC to the millisecond. */
  readonly at: string;
  /** Last position of the vehicle, WGS-84 degrees. */
  readonly lat: number;
  readonly lon: number;
  /** km/h; null before the first position with a speed. */
  readonly averageKmh: number | null;
  /** Id of the vehicle's open request in the shared database; null without one. */
  readonly requestId: string | null;
  /** Minutes to the destination; null for every type but `near_arrival`. */
  readonly minutesLeft: number | null;
  /** It was recorded long after `at`: a device or the service caught up. */
  readonly late: boolean;
}

/** Every field of `CrewEventView`. All of them are required. */
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
  'late',
] as const satisfies readonly (keyof CrewEventView)[];

/** A crew event inside the service. */
export interface PublishedCrewEvent {
  readonly event: CrewEventView;
  /** Clock of the database, epoch milliseconds. */
  readonly recordedAtMs: number;
}

declare module '../core/events/event-bus.js' {
  interface EventMap {
    /** An instance has recorded a crew event. Published once on every instance, usually within a second. */
    'crew-event.recorded': PublishedCrewEvent;
  }
}
