import { type ErrorCode, QUARANTINE_TEXTS } from '../../core/index.js';
import type { SchemaName } from './asyncapi-schemas.js';
import type {
  DeviceToServerEvents,
  ServerToDeviceEvents,
  ServerToSubscriberEvents,
  SubscriberToServerEvents,
} from '../socket-events.js';

/** An event that the server receives, and its acknowledgement. */
interface InboundEvent {
  readonly summary: string;
  readonly payload: SchemaName;
  readonly examples: readonly unknown[];
  readonly answer: SchemaName;
  readonly answerExample: unknown;
  /** Errors besides those of every event. */
  readonly fails: readonly ErrorCode[];
}

interface OutboundEvent {
  readonly summary: string;
  readonly payload: SchemaName;
  readonly example: unknown;
}

const VEHICLE_ID = '66f0c0ffee0123456789abcd';
const FIX = {
  lat: 48.137154,
  lon: 11.576124,
  time: '2026-11-01T10:00:00.000Z',
  speedMps: 13.9,
  headingDeg: 87,
};
const POSITION = { ...FIX, accuracyM: 4, receivedAt: '2026-11-01T10:00:00.412Z' };
const STORED = {
  results: [{ index: 0, verdict: 'stored' }],
  stored: 1,
  duplicate: 0,
  quarantined: 0,
  rejected: 0,
};
const STORED_AND_QUARANTINED = {
  results: [
    { index: 0, verdict: 'stored', late: true, dropped: ['batteryPct'] },
    { index: 1, verdict: 'quarantined', code: 'jump', text: QUARANTINE_TEXTS.jump },
  ],
  stored: 1,
  duplicate: 0,
  quarantined: 1,
  rejected: 0,
};
const DRAIN: OutboundEvent = {
  summary: 'This instance closes the transport soon; accepted requests are finished and answered first.',
  payload: 'DrainNotice',
  example: { reconnectWithinMs: 5_000 },
};

/* Keyed by the event maps: an event that is not described here does not compile. */

export const DEVICE_INBOUND_EVENTS: Readonly<Record<keyof DeviceToServerEvents, InboundEvent>> = {
  position: {
    summary: 'One position; answered when it is durable.',
    payload: 'PositionInput',
    examples: [FIX],
    answer: 'ReportAnswer',
    answerExample: STORED,
    fails: ['positions/overloaded'],
  },
  positions: {
    summary: '1 to 500 positions, validated in the order of time, answered in the order of the array.',
    payload: 'Positions',
    examples: [[FIX, { ...FIX, lat: 49.5, time: '2026-11-01T10:00:04.000Z' }], { positions: [FIX] }],
    answer: 'ReportAnswer',
    answerExample: STORED_AND_QUARANTINED,
    fails: ['positions/overloaded'],
  },
  status: {
    summary: 'Sets the unit status; answered with the current status.',
    payload: 'StatusInput',
    examples: [{ status: 'on_scene', at: '2026-11-01T10:00:00.000Z' }],
    answer: 'StatusAnswer',
    answerExample: { status: 'on_scene', statusAt: '2026-11-01T10:00:00.000Z' },
    fails: ['vehicles/not-found', 'vehicles/busy'],
  },
};

export const DEVICE_OUTBOUND_EVENTS: Readonly<Record<keyof ServerToDeviceEvents, OutboundEvent>> = {
  drain: DRAIN,
};

export const SUBSCRIBER_INBOUND_EVENTS: Readonly<Record<keyof SubscriberToServerEvents, InboundEvent>> = {
  watch: {
    summary: 'Starts the subscription: a snapshot, then every position. A second one replaces the first.',
    payload: 'WatchRequest',
    examples: [{}, { vehicleIds: [VEHICLE_ID] }, { bbox: [11.3, 48, 11.8, 48.3], since: 'tmhx2k3f0' }],
    answer: 'WatchAnswer',
    answerExample: { snapshot: [{ vehicleId: VEHICLE_ID, position: POSITION }], cursor: 'tmhx2k3f0' },
    fails: ['live/busy'],
  },
  unwatch: {
    summary: 'Ends the subscription; the connection stays.',
    payload: 'Nothing',
    examples: [{}],
    answer: 'Nothing',
    answerExample: {},
    fails: [],
  },
  authenticate: {
    summary: 'Sends a new access token of the same user, after auth.expiring.',
    payload: 'AuthenticateRequest',
    examples: [{ token: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI2NmYwIn0.c2lnbmF0dXJl' }],
    answer: 'AuthenticateAnswer',
    answerExample: { expiresInS: 900 },
    fails: ['auth/token-invalid', 'auth/token-expired', 'auth/session-revoked', 'auth/other-user'],
  },
};

export const SUBSCRIBER_OUTBOUND_EVENTS: Readonly<Record<keyof ServerToSubscriberEvents, OutboundEvent>> = {
  positions: {
    summary: 'Stored or released positions. At least once: discard repeats by (vehicleId, time).',
    payload: 'LiveFrame',
    example: { cursor: 'tmhx2k3f0', items: [{ vehicleId: VEHICLE_ID, position: POSITION, late: false }] },
  },
  vehicle: {
    summary: 'Status, names or type of a vehicle changed.',
    payload: 'VehicleNotice',
    example: {
      cursor: 'tmhx2k3f0',
      vehicle: {
        id: VEHICLE_ID,
        callSign: 'RTW 1/83-1',
        registration: 'M-RK 1831',
        type: 'als',
        status: 'on_scene',
        statusAt: '2026-11-01T10:00:00.000Z',
        boxCode: null,
        lastPosition: POSITION,
        createdAt: '2026-10-01T08:00:00.000Z',
        updatedAt: '2026-11-01T10:00:00.031Z',
      },
    },
  },
  crash: {
    summary: 'A tracking box reported a crash. At least once: discard repeats by the id of the crash.',
    payload: 'CrashNotice',
    example: {
      cursor: 'tmhx2k3f0',
      crash: {
        id: '66f0c0ffee0123456789abce',
        vehicleId: VEHICLE_ID,
        reportedAt: '2026-11-01T10:00:00.412Z',
        lat: 48.137154,
        lon: 11.576124,
        speedMps: 13.9,
        headingDeg: 87,
      },
    },
  },
  crew: {
    summary: 'Online, offline, speed or near arrival. At least once: discard repeats by the id of the event.',
    payload: 'CrewNotice',
    example: {
      cursor: 'tmhx2k3f0',
      event: {
        id: '66f0c0ffee0123456789abcd.speed_above_80.1793527200000',
        vehicleId: VEHICLE_ID,
        type: 'speed_above_80',
        at: '2026-11-01T10:00:00.000Z',
        lat: 48.137154,
        lon: 11.576124,
        averageKmh: 84.5,
        requestId: '66f0c0ffee0123456789abcf',
        minutesLeft: null,
        late: false,
      },
    },
  },
  left: {
    summary: 'The vehicle left the bounding box, or was archived.',
    payload: 'LeftNotice',
    example: { vehicleId: VEHICLE_ID },
  },
  resync: {
    summary: 'The subscription has ended with a gap: send watch again.',
    payload: 'ResyncNotice',
    example: { reason: 'slow' },
  },
  'auth.expiring': {
    summary: 'The access token expires soon: send authenticate.',
    payload: 'ExpiringNotice',
    example: { inS: 60 },
  },
  drain: DRAIN,
};
