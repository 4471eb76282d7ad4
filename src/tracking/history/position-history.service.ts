import { Injectable } from '@nestjs/common';
import { invalidInput, keyOfCursor, type Page, pageBy, type Position } from '../../core/index.js';
import { type HistoryRange, PositionsRepository } from '../positions.repository.js';

/** A larger page costs memory and delays the ingest, and makes the file no faster. */
const FILE_PAGE_SIZE = 2_000;
/** The order of the list, and the time of the last position shown. */
const CURSOR = /^(?:asc|desc):-?\d{1,15}$/;

/** Reads the history of a vehicle in ranges of `_id`, so that no database cursor stays open while a client reads slowly. */
@Injectable()
export class PositionHistoryService {
  constructor(private readonly positions: PositionsRepository) {}

  /** @throws input/invalid for a cursor that this service did not issue, or issued for the other order */
  async page(range: HistoryRange, limit: number, cursor?: string): Promise<Page<Position>> {
    const found = await this.positions.listRange(rangeFromCursor(range, cursor), limit + 1);
    return pageBy(found, limit, ({ timeMs }) => `${range.order}:${timeMs}`);
  }

  /** The whole range in pages. At most two pages are in memory: the current one, and the next one being read. */
  async *readAll(range: HistoryRange): AsyncGenerator<readonly Position[], void, undefined> {
    let next: Promise<Position[]> | null = this.positions.listRange(range, FILE_PAGE_SIZE);
    while (next) {
      const page: Position[] = await next;
      const last = page.at(-1);
      next =
        last && page.length === FILE_PAGE_SIZE
          ? this.positions.listRange(remainingRange(range, last.timeMs), FILE_PAGE_SIZE)
          : null;
      // When the reader stops here, an unhandled rejection of the next page would end the process.
      next?.catch(() => undefined);
      if (page.length > 0) yield page;
    }
  }
}

function rangeFromCursor(range: HistoryRange, cursor: string | undefined): HistoryRange {
  const key = keyOfCursor(cursor, CURSOR);
  if (key === null) return range;
  const [order, timeMs] = key.split(':');
  if (order !== range.order) {
    throw invalidInput([{ path: 'cursor', message: 'cursor was made for the other order; start anew' }]);
  }
  return remainingRange(range, Number(timeMs));
}

/** The part of the range after a position: times are whole milliseconds, and a vehicle has one position at each time. */
function remainingRange(range: HistoryRange, timeMs: number): HistoryRange {
  return range.order === 'asc' ? { ...range, fromMs: timeMs + 1 } : { ...range, toMs: timeMs };
}
