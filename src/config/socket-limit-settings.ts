import { setting } from './setting-definition.js';
import * as type from './setting-types.js';

/** Bounds of one Socket.IO connection, and of all of one instance together. */
export const SOCKET_LIMIT_SETTINGS = {
  SOCKET_MAX_PACKETS_PER_PAYLOAD: setting({
    type: type.integer(100, 100_000),
    default: '1000',
    text: 'Maximum number of packets in the body of one polling request. A body with more is not parsed, and the connection is closed.',
  }),
  SOCKET_EVENTS_PER_S: setting({
    type: type.integer(10, 100_000),
    default: '200',
    text: 'Events a second that a socket may send for long. A message of 4 kB more counts as one event more, an event on `/live` as 40. A socket that sends faster is read more slowly. All sockets of one device credential and its position requests over HTTP together have the same rate, on all instances with Redis; a request beyond it gets 429.',
  }),
  SOCKET_EVENT_BURST: setting({
    type: type.integer(100, 100_000),
    default: '1000',
    text: 'Events that a socket may send at once. Below half of it the service pauses reading; a socket that has sent more in one piece is closed.',
  }),
  SOCKET_MAX_MESSAGE_BYTES_ANONYMOUS: setting({
    type: type.integer(16_000, 2_000_000),
    default: '64000',
    unit: 'bytes',
    text: 'Maximum size of a message or polling body before authentication and on `/`. With a token it is 2 MB.',
  }),
  SOCKET_MAX_UNSENT_ACKS: setting({
    type: type.integer(10, 1_000_000),
    default: '4000',
    text: 'Acknowledgements that a client may leave untaken. A client with more is closed. One write can acknowledge all events of a burst: keep it well above `SOCKET_EVENT_BURST`.',
  }),
  SOCKET_MAX_UNSENT_BYTES: setting({
    type: type.integer(1_000_000, 1_000_000_000),
    default: '10000000',
    unit: 'bytes',
    text: 'Bytes that a client with a token may leave untaken. A client with more is closed. Keep it well above `LIVE_MAX_UNSENT_BYTES`.',
  }),
  SOCKET_MAX_UNSENT_BYTES_ANONYMOUS: setting({
    type: type.integer(100_000, 1_000_000_000),
    default: '1000000',
    unit: 'bytes',
    text: 'Bytes that a client without a token, such as an old panel, may leave untaken. A client with more is closed.',
  }),
  SOCKET_MAX_UNSENT_BYTES_TOTAL: setting({
    type: type.integer(4_000_000, 10_000_000_000),
    default: '64000000',
    unit: 'bytes',
    text: 'Bytes that all clients together may leave untaken. Above it, the client with the most is closed.',
  }),
  SOCKET_WRITE_TIMEOUT_S: setting({
    type: type.integer(1, 3_600),
    default: '120',
    unit: 's',
    text: 'A client that has taken nothing of what was sent to it for this time is closed.',
  }),
  SOCKET_MAX_UNJOINED: setting({
    type: type.integer(10, 1_000_000),
    default: '4000',
    text: 'Connections that have joined no namespace yet. Above it, the oldest of them is closed.',
  }),
  SOCKET_MAX_UNJOINED_PER_ADDRESS: setting({
    type: type.integer(10, 1_000_000),
    default: '2000',
    text: 'Share of one address (of one /64 network with IPv6) in `SOCKET_MAX_UNJOINED`. A further handshake gets 503.',
  }),
  SOCKET_MAX_PER_CALLER: setting({
    type: type.integer(1, 1_000_000),
    default: '200',
    text: 'Connections of one user or of one device credential to one instance. A further one is closed, and the client tries again.',
  }),
};
