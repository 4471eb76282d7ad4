import { ERROR_CODES } from '../../core/index.js';
import { CREW_EVENT_FIELDS, CREW_EVENT_TYPES } from '../../crew-events/index.js';
import { UNIT_STATUSES, VEHICLE_TYPES } from '../../vehicles/index.js';

const ID = { type: 'string', pattern: '^[0-9a-f]{24}$', examples: ['66f0c0ffee0123456789abcd'] };
const CURSOR = { type: 'string', description: 'Opaque, good on every instance.', examples: ['tmhx2k3f0'] };
const TIME = { type: 'string', format: 'date-time' };
const CODE = { type: 'string', enum: Object.keys(ERROR_CODES) };
const ref = (name: string): { $ref: string } => ({ $ref: `#/components/schemas/${name}` });
/** What a watcher is told beside positions. */
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
    description: 'Of the fix, by the receiver: ISO-8601 with a zone; out: UTC to the millisecond.',
  },
};

const MEASURED = {
  speedMps: { type: 'number', minimum: 0, maximum: 1_000, description: 'Metres per second.' },
  headingDeg: { type: 'number', minimum: 0, maximum: 360, description: 'Degrees clockwise from north.' },
  accuracyM: { type: 'number', minimum: 0, maximum: 10_000_000, description: 'Radius, metres.' },
  altitudeM: { type: 'number', minimum: -1_000, maximum: 100_000, description: 'Metres.' },
  batteryPct: { type: 'number', minimum: 0, maximum: 100, description: 'Per cent.' },
  ignition: { type: 'boolean' },
  attributes: {
    type: 'object',
    description: 'Whatever else the device knows: at most 2,048 bytes as JSON, 4 levels.',
  },
};

/** JSON Schemas (draft 7) of what `socket-events.ts` names; ranges are those of `position.parser.ts`. */
export const SCHEMAS = {
  PositionInput: {
    type: 'object',
    description:
      'Only lat, lon and time can cause a rejection; a fault in another field drops that field. −1 for speed or ' +
      'heading means absent. Unknown fields are left out.',
    required: ['lat', 'lon', 'time'],
    properties: { ...PLACE, ...MEASURED },
  },
  Position: {
    type: 'object',
    required: ['lat', 'lon', 'time', 'receivedAt'],
    properties: {
      ...PLACE,
      ...MEASURED,
      receivedAt: { ...TIME, description: 'By the clock of the service.' },
    },
    additionalProperties: false,
  },
  PositionList: { type: 'array', minItems: 1, maxItems: 500, items: ref('PositionInput') },
  Positions: {
    description: 'Bare, or as the body of POST /api/v1/positions.',
    oneOf: [
      ref('PositionList'),
      { type: 'object', required: ['positions'], properties: { positions: ref('PositionList') } },
    ],
  },
  ReportAnswer: {
    type: 'object',
    description: 'The same as over HTTP, and only when it is durable.',
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
            code: { type: 'string', description: 'Why, for quarantined and rejected.' },
            late: { const: true, description: 'Stored, but older than the newest known.' },
            dropped: { type: 'array', items: { type: 'string' }, description: 'Optional fields at fault.' },
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
      at: { ...TIME, description: 'Since when, by the device’s clock; at most 300 s ahead. Absent: now.' },
    },
    additionalProperties: false,
  },
  StatusAnswer: {
    type: 'object',
    description: 'The status in force: another one where a newer is known.',
    required: ['status', 'statusAt'],
    properties: { status: { type: 'string', enum: [...UNIT_STATUSES] }, statusAt: TIME },
    additionalProperties: false,
  },
  WatchRequest: {
    type: 'object',
    description: 'All vehicles when nothing is named; with both, both must hold.',
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
        description: 'Where the stream stood: what came after it comes first.',
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
    description: 'At most 4 a second; every stored or released fix is in one, none is merged with another.',
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
                'Its time is older than the newest known. The marker goes by min(time, receivedAt) alone.',
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
    description: 'As GET /api/v1/vehicles/:id answers it.',
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
    description: 'As GET /api/v1/crashes/:id answers it. Null: the box did not know.',
    required: ['id', 'vehicleId', 'reportedAt', 'lat', 'lon', 'speedMps', 'headingDeg'],
    properties: {
      id: ID,
      vehicleId: ID,
      reportedAt: { ...TIME, description: 'By the clock of the service.' },
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
      id: { type: 'string', description: 'The same however often it is told.' },
      vehicleId: ID,
      type: { type: 'string', enum: [...CREW_EVENT_TYPES] },
      at: {
        ...TIME,
        description: 'Of the fix that crossed a limit; offline: when the silence was too long.',
      },
      lat: { type: 'number', minimum: -90, maximum: 90, description: 'Where it was last.' },
      lon: { type: 'number', minimum: -180, maximum: 180 },
      averageKmh: { type: ['number', 'null'], minimum: 0, description: 'Average speed; null: not known.' },
      requestId: { type: ['string', 'null'], description: 'Of the open request it is on.' },
      minutesLeft: { type: ['integer', 'null'], minimum: 0, description: 'Of a near arrival.' },
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
        enum: ['replay_limit', 'slow', 'overload', 'storage'],
        description:
          'replay_limit: too much came after `since`; slow: this client did not take its frames; overload: devices ' +
          'need all there is; storage: the database could not be asked.',
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
    description:
      'Instead of an answer. With `retryAfterMs` the same event may be sent again after that time.',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: {
          code: CODE,
          message: { type: 'string', description: 'For people.' },
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
