import type { Fix } from '../../core/index.js';
import type { LegacyFields } from '../boxes/legacy-fields.js';
import { speedKmh } from '../boxes/legacy-values.js';
import type { OpenRequest } from '../open-requests/open-requests.service.js';

type RequestSummary = Pick<OpenRequest, 'requestType' | 'estimatedMinutes'>;

/** The body as it was received, its speed in km/h, and what the old server put behind it, in its order. */
export function trackingFrame(
  fields: LegacyFields,
  vehicleId: string,
  request: RequestSummary | null,
): object {
  return {
    ...withSpeedKmh(fields),
    _id: vehicleId,
    is_assign: request ? 1 : 0,
    type: 'TRACKING',
    request_type: request?.requestType ?? '',
    estimated_time: request?.estimatedMinutes ?? null,
  };
}

export function crashFrame(fields: LegacyFields): object {
  return { ...withSpeedKmh(fields), type: 'CRASH' };
}

export function crashNotifyFrame(crashId: string): object {
  return { ambulance_crashes_id: crashId, type: 'CRASH_NOTIFY' };
}

/** @param addresses in the order in which the pictures came */
export function snapFrame(fields: LegacyFields, addresses: readonly string[]): object {
  return {
    body: fields,
    imagesObj: Object.fromEntries(addresses.map((address, n) => [`image${n}`, address])),
  };
}

/** What a box would have sent, of a fix that came in by another way; numbers are numbers. */
export function fieldsOfFix(boxCode: string, { lat, lon, speedMps, headingDeg }: Fix): LegacyFields {
  return {
    ambulance_id: boxCode,
    tracking_latitude: lat,
    tracking_longitude: lon,
    // Unknown is null to panels, and `speedKmh` takes null for standing still.
    tracking_speed: speedMps ?? 'unknown',
    tracking_heading: headingDeg ?? null,
  };
}

/** An own property whatever the names are: spreading defines, and sets nothing. */
function withSpeedKmh(fields: LegacyFields): LegacyFields {
  return { ...fields, tracking_speed: speedKmh(fields['tracking_speed']) };
}
