import { ERROR_CODES } from '../../core/index.js';
import { CREW_EVENT_FIELDS, CREW_EVENT_TYPES } from '../../crew-events/index.js';
import { UNIT_STATUSES, VEHICLE_TYPES } from '../../vehicles/index.js';

const ID = { type: 'string', pattern: '^[0-9a-f]{24}$', examples: ['66f0c0ffee0123456789abcd'] };
const CURSOR = { type: 'string', description: 'Opaque, valid on every instance.', examples: ['tmhx2k3f0'] };
const TIME = { type: 'string', format: 'date-time' };
const CODE = { type: 'string', enum: Object.keys(ERROR_CODES) };
const ref = (name: string): { $ref: string } => ({ $ref: `#/components/schemas/${name}` });
/** Events for subscribers besides positions. */
const notice = (field: string, schema: string): object => ({
  type: 'object',
  required: ['cursor', field],
  properties: { cursor: CURSOR, [field]: ref(schema) },
  additionalProperties: false,
});
const count = (description: string): object => ({ type: 'integer', minimum: 0, description });

const PLACE = {
  lat: { type: 'number', minimum: -90, maximum: 90, description: 'WGS-84 degrees.' },
  lon: { type: 'number', minimum: -180, maximum: 180, description: 'WGS-84 degrees.' },
  time: {
    ...TIME,
    description: 'Time of the fix: ISO-8601 with a zone; in answers UTC with milliseconds.',
  },
};

const MEASURED = {
  speedMps: { type: 'number', minimum: 0, maximum: 1_000, description: 'Metres per second.' },
  headingDeg: { type: 'number', minimum: 0, maximum: 360, description: 'Degrees clockwise from north.' },
  accuracyM: { type: 'number', description: 'Radius, metres. Negative: the place is invalid.' },
  altitudeM: { type: 'number', minimum: -1_000, maximum: 100_000, description: 'Metres.' },
  batteryPct: { type: 'number', minimum: 0, maximum: 100, description: 'Per cent.' },
  ignition: { type: 'boolean' },
  attributes: {
    type: 'object',
    description: 'Further values of the device: at most 2,048 bytes as JSON, 4 levels.',
  },
};

/** JSON Schemas (draft 7) of the types in `socket-events.ts`; ranges as in `position.parser.ts`. */
export const SCHEMAS = {
  PositionInput: {
    type: 'object',
    description:
      'Only lat, lon and time can cause a rejection; a fault in another field drops that field. −1 for speed or ' +
      'heading means absent. Unknown fields are ignored.',
    required: ['lat', 'lon', 'time'],
    properties: { ...PLACE, ...MEASURED },
  },
  Position: {
    type: 'object',
    required: ['lat', 'lon', 'time', 'receivedAt'],
    properties: {
      ...PLACE,
      ...MEASURED,
      receivedAt: { ...TIME, description: 'Time by the clock of the service.' },
      clock: { const: 'behind', description: 'Not the present place: the clock of the device is behind.' },
    },
    additionalProperties: false,
  },
  PositionList: { type: 'array', minItems: 1, maxItems: 500, items: ref('PositionInput') },
  Positions: {
    description: 'An array, or an object as the body of POST /api/v1/positions.',
    oneOf: [
      ref('PositionList'),
      { type: 'object', required: ['positions'], properties: { positions: ref('PositionList') } },
    ],
  },
  ReportAnswer: {
    type: 'object',
    description: 'The same as over HTTP; sent when all positions are durable.',
    required: ['results', 'stored', 'duplicate', 'quarantined', 'rejected'],
    properties: {
      results: {
        type: 'array',
        items: {
          type: 'object',
          required: ['index', 'verdict'],
          properties: {
            index: count('Place in the report.'),
            verdict: { type: 'string', enum: ['stored', 'duplicate', 'quarantined', 'rejected'] },
            code: { type: 'string', description: 'The reason, for quarantined and rejected.' },
            text: { type: 'string', description: 'The verdict for people; for every one but stored.' },
            late: { const: true, description: 'Stored, but older than the newest known position.' },
            dropped: { type: 'array', items: { type: 'string' }, description: 'Invalid optional fields.' },
          },
          additionalProperties: false,
        },
      },
      stored: count('How many.'),
      duplicate: count('How many.'),
      quarantined: count('How many.'),
      rejected: count('How many.'),
    },
    additionalProperties: false,
  },
  StatusInput: {
    type: 'object',
    required: ['status'],
    properties: {
      status: { type: 'string', enum: [...UNIT_STATUSES] },
      at: { ...TIME, description: 'Start of the status; at most 300 s ahead. Default now.' },
    },
    additionalProperties: false,
  },
  StatusAnswer: {
    type: 'object',
    description: 'The current status; a newer known status wins.',
    required: ['status', 'statusAt'],
    properties: { status: { type: 'string', enum: [...UNIT_STATUSES] }, statusAt: TIME },
    additionalProperties: false,
  },
  WatchRequest: {
    type: 'object',
    description: 'All vehicles when empty; with both fields, both must match.',
    properties: {
      vehicleIds: { type: 'array', maxItems: 10_000, items: ID },
      bbox: {
        description: 'West, south, east, north in degrees; west above east crosses the antimeridian.',
        oneOf: [
          { type: 'array', minItems: 4, maxItems: 4, items: { type: 'number', minimum: -180, maximum: 180 } },
          { type: 'string', maxLength: 120, examples: ['11.3,48.0,11.8,48.3'] },
        ],
      },
      since: {
        ...CURSOR,
        maxLength: 40,
        description: 'A cursor of an earlier frame: positions after it are replayed first.',
      },
    },
    additionalProperties: false,
  },
  LiveItem: {
    type: 'object',
    required: ['vehicleId', 'position'],
    properties: { vehicleId: ID, position: ref('Position') },
    additionalProperties: false,
  },
  WatchAnswer: {
    type: 'object',
    required: ['snapshot', 'cursor'],
    properties: { snapshot: { type: 'array', items: ref('LiveItem') }, cursor: CURSOR },
    additionalProperties: false,
  },
  Nothing: { type: 'object', maxProperties: 0 },
  AuthenticateRequest: {
    type: 'object',
    required: ['token'],
    properties: {
      token: { type: 'string', maxLength: 2_048, description: 'An access token of the same user.' },
    },
    additionalProperties: false,
  },
  AuthenticateAnswer: {
    type: 'object',
    required: ['expiresInS'],
    properties: { expiresInS: count('Seconds until the new token ends.') },
    additionalProperties: false,
  },
  LiveFrame: {
    type: 'object',
    description: 'At most 4 a second; every stored or released position is in one, none is merged.',
    required: ['cursor', 'items'],
    properties: {
      cursor: CURSOR,
      items: {
        type: 'array',
        minItems: 1,
        items: {
          type: 'object',
          required: ['vehicleId', 'position', 'late'],
          properties: {
            vehicleId: ID,
            position: ref('Position'),
            late: {
              type: 'boolean',
              description:
                'Older than the newest known position. The live marker is ordered by min(time, receivedAt).',
            },
          },
          additionalProperties: false,
        },
      },
    },
    additionalProperties: false,
  },
  VehicleNotice: notice('vehicle', 'Vehicle'),
  Vehicle: {
    type: 'object',
    description: 'As in the answer of GET /api/v1/vehicles/:id.',
    required: ['id', 'callSign', 'registration', 'type', 'status', 'statusAt', 'boxCode', 'lastPosition'],
    properties: {
      id: ID,
      callSign: { type: 'string', minLength: 1, maxLength: 40 },
      registration: { type: 'string', minLength: 1, maxLength: 20 },
      type: { type: 'string', enum: [...VEHICLE_TYPES] },
      status: { type: 'string', enum: [...UNIT_STATUSES] },
      statusAt: TIME,
      boxCode: { type: ['string', 'null'], maxLength: 64 },
      lastPosition: { oneOf: [{ type: 'null' }, ref('Position')] },
      createdAt: TIME,
      updatedAt: TIME,
    },
    additionalProperties: false,
  },
  CrashNotice: notice('crash', 'Crash'),
  Crash: {
    type: 'object',
    description: 'As in the answer of GET /api/v1/crashes/:id. null: the box did not send it.',
    required: ['id', 'vehicleId', 'reportedAt', 'lat', 'lon', 'speedMps', 'headingDeg'],
    properties: {
      id: ID,
      vehicleId: ID,
      reportedAt: { ...TIME, description: 'Time by the clock of the service.' },
      lat: { type: ['number', 'null'], minimum: -90, maximum: 90 },
      lon: { type: ['number', 'null'], minimum: -180, maximum: 180 },
      speedMps: { type: ['number', 'null'], minimum: 0 },
      headingDeg: { type: ['number', 'null'], minimum: 0, maximum: 360 },
    },
    additionalProperties: false,
  },
  CrewNotice: notice('event', 'CrewEvent'),
  CrewEvent: {
    type: 'object',
    required: [...CREW_EVENT_FIELDS],
    properties: {
      id: { type: 'string', description: 'The same for every repeat.' },
      vehicleId: ID,
      type: { type: 'string', enum: [...CREW_EVENT_TYPES] },
      at: {
        ...TIME,
        description: 'Time of the position that crossed a limit; offline: end of the allowed silence.',
      },
      lat: { type: 'number', minimum: -90, maximum: 90, description: 'Last known place.' },
      lon: { type: 'number', minimum: -180, maximum: 180 },
      averageKmh: { type: ['number', 'null'], minimum: 0, description: 'null: not known.' },
      requestId: { type: ['string', 'null'], description: 'Id of the vehicle’s open request.' },
      minutesLeft: { type: ['integer', 'null'], minimum: 0, description: 'For near_arrival only.' },
      late: { type: 'boolean', description: 'Recorded long after `at`.' },
    },
    additionalProperties: false,
  },
  LeftNotice: {
    type: 'object',
    required: ['vehicleId'],
    properties: { vehicleId: ID },
    additionalProperties: false,
  },
  ResyncNotice: {
    type: 'object',
    required: ['reason'],
    properties: {
      reason: {
        type: 'string',
        enum: ['replay_limit', 'slow', 'overload', 'storage', 'gap'],
        description:
          'replay_limit: too many positions after `since`; slow: the connection holds too much that the client has not taken; ' +
          'overload: positions of devices go first; storage: the database is not available; gap: events of another instance did not arrive.',
      },
    },
    additionalProperties: false,
  },
  ExpiringNotice: {
    type: 'object',
    required: ['inS'],
    properties: { inS: count('Seconds until the token ends, and with it the connection.') },
    additionalProperties: false,
  },
  DrainNotice: {
    type: 'object',
    required: ['reconnectWithinMs'],
    properties: { reconnectWithinMs: count('Come back at a random moment within it, milliseconds.') },
    additionalProperties: false,
  },
  Error: {
    type: 'object',
    description: 'An error answer. With `retryAfterMs`, send the same event again after that time.',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: {
          code: CODE,
          message: { type: 'string', description: 'A text for people.' },
          retryAfterMs: count('Milliseconds. Absent: the same event would fail again.'),
          errors: {
            type: 'array',
            items: {
              type: 'object',
              required: ['path', 'message'],
              properties: { path: { type: 'string' }, message: { type: 'string' } },
            },
          },
        },
        additionalProperties: false,
      },
    },
    additionalProperties: false,
  },
} as const;

export type SchemaName = keyof typeof SCHEMAS;
