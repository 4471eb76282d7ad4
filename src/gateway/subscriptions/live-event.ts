import { type Crash, type CrashDto, toCrashDto } from '../../crashes/index.js';
import type { CrewEventView } from '../../crew-events/index.js';
import type { VehicleChange } from '../../vehicles/index.js';
import type { ServerToSubscriberEvents } from '../socket-events.js';
import type { Place } from './subscription-filter.js';

/** A position in a frame: what selects its receivers, and its JSON as an item of `LiveFrame`. */
export interface LiveFrameItem {
  readonly vehicleId: string;
  readonly late: boolean;
  readonly place: Place;
  readonly json: string;
}

type Notices = {
  [E in 'vehicle' | 'crash' | 'crew' | 'left' | 'resync']: Parameters<ServerToSubscriberEvents[E]>[0];
} & { positions: { readonly cursor: string; readonly items: readonly LiveFrameItem[] } };

/** An event of the stream with its payload. */
export type LiveMessage = { [E in keyof Notices]: readonly [event: E, notice: Notices[E]] }[keyof Notices];

/** What happened to a vehicle, beside its positions. */
export interface LiveEvent {
  readonly vehicleId: string;
  /** A subscription that includes this place gets the event, too; null: only one that includes the vehicle. */
  readonly place: Place | null;
  readonly message: LiveMessage;
}

/** An archived vehicle leaves every stream. */
export function vehicleEvent({ vehicle, isArchived }: VehicleChange, cursor: string): LiveEvent {
  const { id: vehicleId } = vehicle;
  return {
    vehicleId,
    place: null,
    message: isArchived ? ['left', { vehicleId }] : ['vehicle', { cursor, vehicle }],
  };
}

export function crashEvent(crash: Crash, cursor: string): LiveEvent {
  return placedEvent(crash, ['crash', { cursor, crash: toCrashDto(crash) }]);
}

export function crewEvent(event: CrewEventView, cursor: string): LiveEvent {
  return placedEvent(event, ['crew', { cursor, event }]);
}

function placedEvent(
  { vehicleId, lat, lon }: Pick<CrashDto, 'vehicleId' | 'lat' | 'lon'>,
  message: LiveMessage,
): LiveEvent {
  return { vehicleId, place: lat === null || lon === null ? null : { lat, lon }, message };
}
