/**
 * Typed event maps of both namespaces of the socket port, for the server and, by `import type`, for clients. Devices send
 * positions to `/devices`; subscribers receive them from `/live`.
 */
import type { PositionInput, PositionView, ReportAnswer } from '../core/index.js';
import type { CrashDto } from '../crashes/index.js';
import type { CrewEventView } from '../crew-events/index.js';
import type { StatusAnswer, UnitStatus, VehicleView } from '../vehicles/index.js';

/** The acknowledgement of an event that failed. */
export interface SocketErrorAnswer {
  readonly error: {
    readonly code: string;
    readonly message: string;
    /** Time to wait before a retry, milliseconds. Absent: the same event will fail again. */
    readonly retryAfterMs?: number;
    readonly errors?: readonly { readonly path: string; readonly message: string }[];
  };
}

export type Acknowledge<T> = (answer: T | SocketErrorAnswer) => void;

/** The transport closes right after this notice. Reconnect after a random part of this time. */
export interface DrainNotice {
  readonly reconnectWithinMs: number;
}

/** A unit status that a crew sets. */
export interface StatusInput {
  readonly status: UnitStatus;
  /** Start of the status: ISO-8601 with a zone, by the device's clock; at most 300 s ahead. Default now. */
  readonly at?: string;
}

/** `/devices`, handshake `auth: {token: <device token>}`. */
export interface DeviceToServerEvents {
  position: (position: PositionInput, acknowledge: Acknowledge<ReportAnswer>) => void;
  /** 1–500 positions: an array, or `{positions}` as in the HTTP body. */
  positions: (
    positions: readonly PositionInput[] | { readonly positions: readonly PositionInput[] },
    acknowledge: Acknowledge<ReportAnswer>,
  ) => void;
  /** The answer is the current status; it differs from the one sent when a newer status is known. */
  status: (statement: StatusInput, acknowledge: Acknowledge<StatusAnswer>) => void;
}
export interface ServerToDeviceEvents {
  drain: (notice: DrainNotice) => void;
}

/** West, south, east, north in degrees; west above east crosses the antimeridian. */
export type Box = readonly [number, number, number, number];

/** Filter of a subscription; empty for all vehicles. */
export interface WatchRequest {
  /** At most 10,000. */
  readonly vehicleIds?: readonly string[];
  /** `[w, s, e, n]`, or `"w,s,e,n"`. */
  readonly bbox?: Box | string;
  /** A cursor of an earlier frame: positions after it are replayed first, in ordinary frames. */
  readonly since?: string;
}
export interface LiveItem {
  readonly vehicleId: string;
  readonly position: PositionView;
}
export interface WatchAnswer {
  readonly snapshot: readonly LiveItem[];
  /** Opaque. */
  readonly cursor: string;
}
export interface AuthenticateAnswer {
  /** Lifetime of the new token, seconds. */
  readonly expiresInS: number;
}
export interface LiveFrame {
  readonly cursor: string;
  readonly items: readonly (LiveItem & { readonly late: boolean })[];
}

/** `/live`, handshake `auth: {token: <access token of a user>}`. */
export interface SubscriberToServerEvents {
  watch: (request: WatchRequest, acknowledge: Acknowledge<WatchAnswer>) => void;
  /** A new access token of the same user. */
  authenticate: (request: { readonly token: string }, acknowledge: Acknowledge<AuthenticateAnswer>) => void;
  unwatch: (request: Record<string, never>, acknowledge: Acknowledge<Record<string, never>>) => void;
}
/** The subscription has ended with a gap: send `watch` again. */
export interface ResyncNotice {
  readonly reason: 'replay_limit' | 'slow' | 'overload' | 'storage' | 'gap';
}

export interface ServerToSubscriberEvents {
  positions: (frame: LiveFrame) => void;
  /** Status, names or type of the vehicle changed. */
  vehicle: (notice: { readonly cursor: string; readonly vehicle: VehicleView }) => void;
  /** A tracking box reported a crash. At least once: discard repeats by id. */
  crash: (notice: { readonly cursor: string; readonly crash: CrashDto }) => void;
  /** Online, offline, speed or near arrival. At least once: discard repeats by id. */
  crew: (notice: { readonly cursor: string; readonly event: CrewEventView }) => void;
  /** The vehicle left the bounding box, or was archived. */
  left: (notice: { readonly vehicleId: string }) => void;
  resync: (notice: ResyncNotice) => void;
  /** The access token and the connection end in `inS` seconds: send `authenticate`. */
  'auth.expiring': (notice: { readonly inS: number }) => void;
  drain: (notice: DrainNotice) => void;
}
