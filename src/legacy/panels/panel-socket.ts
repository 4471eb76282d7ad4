import type { IncomingMessage } from 'node:http';
import type { LegacyRoom } from '../../config/index.js';

/** The part of a Socket.IO socket of the default namespace that panels need. */
export interface PanelSocket {
  readonly id: string;
  readonly rooms: ReadonlySet<string>;
  readonly conn: {
    /** The handshake. */
    readonly request: IncomingMessage;
    readonly transport: { readonly name: string };
    /** Closes the transport, so that the client reconnects. After `disconnect()` it would not. */
    close(): void;
  };
  readonly handshake: { readonly headers: Readonly<Record<string, string | string[] | undefined>> };
  emit(event: 'data', text: string): unknown;
  join(room: string): unknown;
  leave(room: string): unknown;
}

export interface PanelNamespace {
  readonly sockets: ReadonlyMap<string, PanelSocket>;
  emit(event: 'data', text: string): unknown;
  to(room: string): { emit(event: 'data', text: string): unknown };
}

const MAX_USER_AGENT_LENGTH = 120;

/** The User-Agent in printable ASCII, at most 120 characters; `(none)` without one. */
export function printableUserAgent(given: string | string[] | undefined): string {
  return String(given ?? '(none)')
    .slice(0, MAX_USER_AGENT_LENGTH)
    .replace(/[^\x20-\x7e]/g, '?');
}

const VEHICLE = /^[0-9a-f]{24}$/;
const CRASH_NOTIFY = /^CRASH_NOTIFY_[0-9a-f]{24}$/;
/** `CRASH_NOTIFY_` and an id have 37 characters; quotes are removed after this check. */
const MAX_ROOM_NAME_LENGTH = 64;

/** The requested room without quotes; null when it cannot be a room name. */
export function roomNameOf(given: unknown): string | null {
  // Several arguments arrive as a list. The old server read the first one.
  const name: unknown = Array.isArray(given) ? given[0] : given;
  if (typeof name !== 'string' || name.length > MAX_ROOM_NAME_LENGTH) return null;
  return name.replace(/["']/g, '');
}

/** The kind of a room; null when nothing is ever sent to a room of this name. */
export function kindOfRoom(name: string): LegacyRoom | null {
  if (name === 'tracking' || name === 'snap' || name === 'crash') return name;
  if (VEHICLE.test(name)) return 'vehicle';
  return CRASH_NOTIFY.test(name) ? 'crash_notify' : null;
}

export const crashNotifyRoom = (vehicleId: string): string => `CRASH_NOTIFY_${vehicleId}`;
