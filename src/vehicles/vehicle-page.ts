import type { VehicleChange } from './vehicle-changes.js';
import type { VehicleView } from './vehicle.js';

const BYTES_PER_PAGE = 1_000;
const BYTES_PER_ITEM = 200;

/** A vehicle on a page. */
interface PageItem {
  readonly id: string;
  readonly version: number;
  /** Its view as JSON up to `lastPosition`, which changes far more often than the rest. */
  readonly json: string;
}

/** A page of vehicles in service, without their last positions. */
export interface VehiclePage {
  readonly afterId: string | null;
  readonly isFiltered: boolean;
  /** Ascending by id. */
  readonly items: PageItem[];
  readonly nextCursor: string | null;
}

/** The estimated size in memory. */
export function vehiclePageBytes({ items }: VehiclePage): number {
  return items.reduce((sum, { json }) => sum + BYTES_PER_ITEM + 2 * json.length, BYTES_PER_PAGE);
}

export function pageItemOf(view: Omit<VehicleView, 'lastPosition'>, version: number): PageItem {
  const { id, callSign, registration, type, boxCode, createdAt, updatedAt, status, statusAt } = view;
  // The order of `toVehicleView`. A view from another instance has another one.
  const shown = { id, callSign, registration, type, boxCode, createdAt, updatedAt, status, statusAt };
  return { id, version, json: JSON.stringify(shown).slice(0, -1) };
}

/** @returns the same JSON as that of the views of these vehicles in a `Page` */
export function pageJson(
  { items, nextCursor }: VehiclePage,
  lastPositions: { jsonOf(vehicleId: string): string },
): string {
  const texts = items.map(({ id, json }) => `${json},"lastPosition":${lastPositions.jsonOf(id)}}`);
  return `{"items":[${texts.join(',')}],"nextCursor":${JSON.stringify(nextCursor)}}`;
}

/**
 * Applies a change in place.
 * @returns false when the page must be read again, because the vehicle may belong to it now, or no longer
 */
export function revisePage(
  { afterId, isFiltered, items, nextCursor }: VehiclePage,
  { vehicle, version, isArchived }: VehicleChange,
): boolean {
  const { id } = vehicle;
  const isBefore = afterId !== null && id <= afterId;
  const isBehind = nextCursor !== null && id > (items.at(-1)?.id ?? '');
  if (isBefore || isBehind) return true;
  const index = items.findIndex((item) => item.id === id);
  if ((items[index]?.version ?? 0) >= version) return true;
  if (index < 0 || isFiltered || isArchived) return false;
  items[index] = pageItemOf(vehicle, version);
  return true;
}
