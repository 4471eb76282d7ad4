import { Injectable } from '@nestjs/common';

/** What old panels are told of the request that a vehicle is on. */
export interface OpenRequest {
  /** In the old server's words; "" when it has none. */
  readonly requestType: string;
  /** Until it is there, in minutes; null when nobody knows. */
  readonly estimatedMinutes: number | null;
}

export interface VehiclePlace {
  readonly lat: number;
  readonly lon: number;
  /** Metres per second; null when it is not known. */
  readonly speedMps: number | null;
}

/**
 * Which vehicle is on a request. Asked for every frame, so answered from memory: whoever has to look it up elsewhere does
 * that beforehand, and frames stay in the order of the positions.
 */
export interface OpenRequests {
  /** null: the vehicle is on none. */
  of(vehicleId: string, place: VehiclePlace): OpenRequest | null;
}

export const OPEN_REQUESTS = Symbol('OPEN_REQUESTS');

/** Where nobody knows of requests: every vehicle is shown as the old server showed one without. */
@Injectable()
export class NoOpenRequests implements OpenRequests {
  of(): OpenRequest | null {
    return null;
  }
}
