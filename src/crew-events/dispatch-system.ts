import type { AssignedRequest } from './crew-event-rules.js';
import type { StoredTracking } from './panel-notification-rules.js';

/** A vehicle's position: WGS-84 degrees, metres per second. */
export interface VehiclePosition {
  readonly lat: number;
  readonly lon: number;
  readonly speedMps?: number;
}

/**
 * Port to the old dispatch system: ids of vehicles and open requests. `legacy` implements it on the shared database;
 * `app.module.ts` connects the two.
 */
export abstract class DispatchSystem {
  /**
   * Reads the open requests of these vehicles into memory, at most once in 5 s. Never rejects: a crew event without its
   * request is better than no crew event.
   */
  abstract refresh(vehicleIds: Iterable<string>): Promise<void>;

  /** The open request of the vehicle, from memory; null when none is known. */
  abstract requestOf(vehicleId: string, position: VehiclePosition): AssignedRequest | null;

  /** The old system's id of each vehicle. A vehicle without an id in the old system is left out. */
  abstract ambulanceIds(vehicleIds: readonly string[]): Promise<ReadonlyMap<string, string>>;

  /**
   * Whether the old system has this ambulance now, read from storage. A notification of another one would end the panel's
   * process. @throws storage's errors
   */
  abstract hasAmbulance(ambulanceId: string): Promise<boolean>;

  /** This service notifies the panel now. false: the old server does. */
  abstract get isNotifier(): boolean;

  /**
   * Those of the items that arrived while the old server notified the panel: it has notified of them.
   * @throws storage's errors
   */
  abstract shadowsOf<T extends { readonly roleEpoch?: number }>(items: readonly T[]): Promise<ReadonlySet<T>>;

  /** Ambulance id → what the old system's documents hold of it. @throws storage's errors */
  abstract storedTrackings(): Promise<ReadonlyMap<string, StoredTracking>>;
}
