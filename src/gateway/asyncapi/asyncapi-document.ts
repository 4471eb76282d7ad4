import { ERROR_CODES, type ErrorCode } from '../../core/index.js';
import {
  DEVICE_OUTBOUND_EVENTS,
  DEVICE_INBOUND_EVENTS,
  SUBSCRIBER_OUTBOUND_EVENTS,
  SUBSCRIBER_INBOUND_EVENTS,
} from './asyncapi-events.js';
import { SCHEMAS } from './asyncapi-schemas.js';

/** Errors with which any event may be answered. */
const COMMON_ERROR_CODES: readonly ErrorCode[] = ['input/invalid', 'internal', 'storage/unavailable'];

interface Namespace {
  readonly name: 'devices' | 'live';
  readonly token: string;
  readonly description: string;
  readonly inbound: typeof DEVICE_INBOUND_EVENTS | typeof SUBSCRIBER_INBOUND_EVENTS;
  readonly outbound: typeof DEVICE_OUTBOUND_EVENTS | typeof SUBSCRIBER_OUTBOUND_EVENTS;
}

const NAMESPACES: readonly Namespace[] = [
  {
    name: 'devices',
    token: 'deviceToken',
    description: 'Devices send positions and unit statuses; each is acknowledged when it is durable.',
    inbound: DEVICE_INBOUND_EVENTS,
    outbound: DEVICE_OUTBOUND_EVENTS,
  },
  {
    name: 'live',
    token: 'accessToken',
    description: 'A snapshot, then every position as it is stored. Delivery is at least once.',
    inbound: SUBSCRIBER_INBOUND_EVENTS,
    outbound: SUBSCRIBER_OUTBOUND_EVENTS,
  },
];

const DESCRIPTION = `Socket.IO 4, Engine.IO 4; prefer the websocket transport. The \`name\` of a message is the name of the event.

The token goes into the handshake as \`auth: {token}\`. A \`connect_error\` with \`data: {code: "auth/…", message}\` is
final for that token; retry after every other failure to connect. The acknowledgement of an event carries its answer or
\`{error: {code, message, retryAfterMs?}}\`. After a time-out, a disconnect or an error with \`retryAfterMs\`, send the
same event again: it is stored once.`;

/** Builds the AsyncAPI 3 document of both namespaces, from the server's point of view. */
export function buildAsyncApiDocument(version: string): Record<string, unknown> {
  return {
    asyncapi: '3.0.0',
    info: { title: 'Samserver sockets', version, description: DESCRIPTION },
    defaultContentType: 'application/json',
    servers: {
      sockets: {
        host: '{host}:{port}',
        protocol: 'ws',
        description: 'SOCKET_SERVER_PORT; behind TLS it is wss.',
        variables: { host: { default: '127.0.0.1' }, port: { default: '5050' } },
      },
    },
    channels: Object.fromEntries(NAMESPACES.map((each) => [each.name, channelOf(each)])),
    operations: Object.fromEntries(NAMESPACES.flatMap(operationsOf)),
    components: {
      securitySchemes: {
        deviceToken: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token from POST /api/v1/vehicles/:id/credentials, in the handshake: auth: {token}.',
        },
        accessToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A token from POST /api/v1/auth/login, in the handshake: auth: {token}.',
        },
      },
      schemas: SCHEMAS,
    },
  };
}

function channelOf({ name, description, inbound, outbound }: Namespace): object {
  const messages = Object.entries(inbound).flatMap(([event, { summary, payload, examples, ...taken }]) => [
    [keyOf(event), messageOf(event, summary, payload, examples)],
    [
      answerKeyOf(event),
      messageOf(answerKeyOf(event), `The answer to ${event}.`, taken.answer, [taken.answerExample]),
    ],
    [
      errorKeyOf(event),
      messageOf(
        errorKeyOf(event),
        `Instead of the answer to ${event}.`,
        'Error',
        codesOf(taken.fails).map(errorExample),
      ),
    ],
  ]);
  const sent = Object.entries(outbound).map(([event, { summary, payload, example }]) => [
    sentKeyOf(event),
    messageOf(event, summary, payload, [example]),
  ]);
  return {
    address: `/${name}`,
    title: name,
    description,
    messages: Object.fromEntries([...messages, ...sent]) as object,
  };
}

function operationsOf({ name, token, inbound, outbound }: Namespace): (readonly [string, object])[] {
  const channel = { $ref: `#/channels/${name}` };
  const security = [{ $ref: `#/components/securitySchemes/${token}` }];
  const message = (key: string): object => ({ $ref: `#/channels/${name}/messages/${key}` });
  const received = Object.entries(inbound).map(([event, { summary }]) => {
    const reply = { channel, messages: [message(answerKeyOf(event)), message(errorKeyOf(event))] };
    return [
      `${name}.${keyOf(event)}`,
      { action: 'receive', channel, summary, security, messages: [message(keyOf(event))], reply },
    ] as const;
  });
  const sent = Object.entries(outbound).map(
    ([event, { summary }]) =>
      [
        `${name}.${sentKeyOf(event)}`,
        { action: 'send', channel, summary, security, messages: [message(sentKeyOf(event))] },
      ] as const,
  );
  return [...received, ...sent];
}

function messageOf(name: string, summary: string, schema: string, examples: readonly unknown[]): object {
  return {
    name,
    summary,
    payload: { $ref: `#/components/schemas/${schema}` },
    examples: examples.map((payload) => ({ payload })),
  };
}

function codesOf(own: readonly ErrorCode[]): ErrorCode[] {
  return [...COMMON_ERROR_CODES, ...own].sort();
}

function errorExample(code: ErrorCode): object {
  const { kind, text } = ERROR_CODES[code];
  return { error: { code, message: text, ...(kind === 'unavailable' && { retryAfterMs: 2_000 }) } };
}

/* Keys of AsyncAPI must not contain dots. */
const keyOf = (event: string): string => event.replaceAll('.', '-');
const answerKeyOf = (event: string): string => `${keyOf(event)}-answer`;
const errorKeyOf = (event: string): string => `${keyOf(event)}-error`;
const sentKeyOf = (event: string): string => `on-${keyOf(event)}`;
