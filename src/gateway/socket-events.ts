/**
 * Both namespaces of the socket port, as typed event maps for the server and, by `import type`, for clients.
 * Contract: `/devices` takes positions in, `/live` streams them out.
 */
import type { PositionInput, PositionView, ReportAnswer } from '../core/index.js';
import type { CrashDto } from '../crashes/index.js';
import type { CrewEventView } from '../crew-events/index.js';
import type { StatusAnswer, UnitStatus, VehicleView } from '../vehicles/index.js';

/** What an acknowledgement carries when the event could not be honoured. */
export interface SocketErrorAnswer {
  readonly error: {
    readonly code: string;
    readonly message: string;
    /** When trying again makes sense: how long to wait. Absent: the same event will fail again. */
    readonly retryAfterMs?: number;
    readonly errors?: readonly { readonly path: string; readonly message: string }[];
  };
}

export type Acknowledge<T> = (answer: T | SocketErrorAnswer) => void;

/** The transport closes right after; come back within this time, at a random moment of it. */
export interface DrainNotice {
  readonly reconnectWithinMs: number;
}

/** What a crew says of its vehicle. */
export interface StatusInput {
  readonly status: UnitStatus;
  /** ISO-8601 with its zone, by the device's clock; at most 300 s ahead. Absent: now. */
  readonly at?: string;
}

/** `/devices`, handshake `auth: {token: <device token>}`. */
export interface DeviceToServerEvents {
  position: (position: PositionInput, acknowledge: Acknowledge<ReportAnswer>) => void;
  /** 1–500 of them, bare or as `{positions}` like the HTTP body. */
  positions: (
    positions: readonly PositionInput[] | { readonly positions: readonly PositionInput[] },
    acknowledge: Acknowledge<ReportAnswer>,
  ) => void;
  /** Answered with the status in force: another one where a newer is known. */
  status: (statement: StatusInput, acknowledge: Acknowledge<StatusAnswer>) => void;
}
export interface ServerToDeviceEvents {
  drain: (notice: DrainNotice) => void;
}

/** West, south, east, north in degrees; west above east crosses the antimeridian. */
export type Box = readonly [number, number, number, number];

/** What a watcher wants: all vehicles when nothing is named. */
export interface WatchRequest {
  /** At most 10,000. */
  readonly vehicleIds?: readonly string[];
  /** `[w, s, e, n]`, or `"w,s,e,n"`. */
  readonly bbox?: Box | string;
  /** A cursor from before: what came after it is replayed first, in frames like any other. */
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
  /** Until the new token ends. */
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
/** The stream has ended here with a gap: watch anew. */
export interface ResyncNotice {
  readonly reason: 'replay_limit' | 'slow' | 'overload' | 'storage';
}

export interface ServerToSubscriberEvents {
  positions: (frame: LiveFrame) => void;
  /** Its status, its names or its type have changed. */
  vehicle: (notice: { readonly cursor: string; readonly vehicle: VehicleView }) => void;
  /** A box has felt a crash; at least once: discard repeats by id. */
  crash: (notice: { readonly cursor: string; readonly crash: CrashDto }) => void;
  /** Online, offline, speeding, nearly there; at least once: discard repeats by id. */
  crew: (notice: { readonly cursor: string; readonly event: CrewEventView }) => void;
  /** It is outside the box now, or not in service any more. */
  left: (notice: { readonly vehicleId: string }) => void;
  resync: (notice: ResyncNotice) => void;
  /** The access token ends in so many seconds, and with it the connection: answer with `authenticate`. */
  'auth.expiring': (notice: { readonly inS: number }) => void;
  drain: (notice: DrainNotice) => void;
}
