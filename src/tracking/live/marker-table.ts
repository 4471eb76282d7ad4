import {
  type BoundingBox,
  isInside,
  type LatLon,
  markerTimeMs,
  type Position,
  squaredChord,
  unitVector,
  withoutOriginalFields,
} from '../../core/index.js';
import { UNIT_STATUSES, type UnitStatus } from '../../vehicles/index.js';
import { NearestFew } from './nearest-few.js';

/** Numbers of a row: 64 bytes, what a processor reads from memory at once. */
const ROW = 8;
const TIME = 0;
const X = 1;
const Y = 2;
const Z = 3;
const LAT = 4;
const LON = 5;
const CLOCK_BEHIND = 6;
/** Number of the vehicle's status; 0: it is not in service. */
const STATUS = 7;
const FIRST_CAPACITY = 256;
/** Longer texts are made again for each reader: with 2 kB of attributes, those of 50,000 vehicles would be over 100 MB. */
const MAX_KEPT_TEXT_LENGTH = 500;

interface NearestMarkers {
  /** Nearest first. */
  readonly positions: readonly Position[];
  /** Vehicles in service that were left out, each for the first reason in this order. */
  readonly status: number;
  readonly noPosition: number;
  readonly clock: number;
  readonly stale: number;
}

export type MarkerSearch = Pick<MarkerTable, 'inside' | 'nearest' | 'setStatus' | 'clearStatuses'>;

/**
 * The live markers. What a search reads of each is in one array of numbers, in the order of the rows: a search reads all of
 * them, which takes less time than to follow 10,000 references to objects. So it needs no index by place.
 */
export class MarkerTable {
  private readonly rows = new Map<string, number>();
  private readonly positions: (Position | null)[] = [];
  private readonly texts: (string | null)[] = [];
  private numbers = new Float64Array(FIRST_CAPACITY * ROW);

  /** @param status null: the vehicle is not in service */
  setStatus(vehicleId: string, status: UnitStatus | null): void {
    this.numbers[this.rowOf(vehicleId) * ROW + STATUS] = numberOf(status);
  }

  clearStatuses(): void {
    for (let row = 0; row < this.positions.length; row += 1) this.numbers[row * ROW + STATUS] = 0;
  }

  /** The row of a vehicle, with or without a marker; it never changes. */
  private rowOf(vehicleId: string): number {
    const known = this.rows.get(vehicleId);
    if (known !== undefined) return known;
    const row = this.positions.length;
    this.rows.set(vehicleId, row);
    this.positions.push(null);
    this.texts.push(null);
    if (this.numbers.length < (row + 1) * ROW) {
      const larger = new Float64Array(this.numbers.length * 2);
      larger.set(this.numbers);
      this.numbers = larger;
    }
    return row;
  }

  find(vehicleId: string): Position | null {
    return this.positions[this.rows.get(vehicleId) ?? -1] ?? null;
  }

  /** Makes it the marker when it is the newest by `markerTimeMs`. */
  offer(position: Position): void {
    const row = this.rowOf(position.vehicleId);
    const start = row * ROW;
    const timeMs = markerTimeMs(position);
    if (this.positions[row] && timeMs < (this.numbers[start + TIME] ?? 0)) return;
    this.positions[row] = withoutOriginalFields(position);
    this.texts[row] = null;
    const { x, y, z } = unitVector(position);
    this.numbers.set([timeMs, x, y, z, position.lat, position.lon], start);
  }

  remove(vehicleId: string): void {
    const row = this.rowOf(vehicleId);
    this.positions[row] = null;
    this.texts[row] = null;
  }

  setClockBehind(vehicleId: string, isBehind: boolean): void {
    const row = this.rowOf(vehicleId);
    this.texts[row] = null;
    this.numbers[row * ROW + CLOCK_BEHIND] = isBehind ? 1 : 0;
  }

  /** Keeps a text of at most 500 characters with the position while it is a marker. */
  textOf(position: Position, make: () => string): string {
    const row = this.rows.get(position.vehicleId) ?? -1;
    if (this.positions[row] !== position) return make();
    const kept = this.texts[row] ?? null;
    if (kept !== null) return kept;
    const text = make();
    // Reading a character makes V8 join the pieces of the text once. Otherwise each list and frame would walk through them.
    if (text.charCodeAt(0) > 0 && text.length <= MAX_KEPT_TEXT_LENGTH) this.texts[row] = text;
    return text;
  }

  /** @param box null for everywhere */
  inside(box: BoundingBox | null): Position[] {
    const { numbers } = this;
    return this.positions.filter((position, row): position is Position => {
      if (!box) return position !== null;
      const place = { lat: numbers[row * ROW + LAT] ?? 0, lon: numbers[row * ROW + LON] ?? 0 };
      return isInside(box, place) && position !== null;
    });
  }

  /**
   * The nearest vehicles of a status; of equal distances, those with the lower ids.
   * @param oldestMs markers before this time are stale, epoch milliseconds
   */
  nearest(status: UnitStatus, from: LatLon, limit: number, oldestMs: number): NearestMarkers {
    const { numbers, positions } = this;
    const wanted = numberOf(status);
    const found = new NearestFew<number>(limit, (one, other) => this.idAt(one) < this.idAt(other));
    const origin = unitVector(from);
    const excluded = { status: 0, noPosition: 0, clock: 0, stale: 0 };
    for (let row = 0; row < positions.length; row += 1) {
      const start = row * ROW;
      const own = numbers[start + STATUS];
      if (own === 0) continue;
      if (own !== wanted) excluded.status += 1;
      // The comparison with null reads no position, `!` reads each: three times the time when they are not in the cache.
      else if (positions[row] === null) excluded.noPosition += 1;
      else if (numbers[start + CLOCK_BEHIND] === 1) excluded.clock += 1;
      else if ((numbers[start + TIME] ?? 0) < oldestMs) excluded.stale += 1;
      else {
        const x = numbers[start + X] ?? 0;
        const y = numbers[start + Y] ?? 0;
        const z = numbers[start + Z] ?? 0;
        found.add(row, squaredChord(origin, { x, y, z }));
      }
    }
    return { positions: found.items.flatMap((row) => positions[row] ?? []), ...excluded };
  }

  private idAt(row: number): string {
    return this.positions[row]?.vehicleId ?? '';
  }
}

function numberOf(status: UnitStatus | null): number {
  return status === null ? 0 : UNIT_STATUSES.indexOf(status) + 1;
}
