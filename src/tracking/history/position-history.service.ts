import { Injectable } from '@nestjs/common';
import { invalidInput, keyOfCursor, type Page, pageBy } from '../../core/index.js';
import { type HistoryRange, remainingRange } from './history-range.js';
import { PositionsRepository } from '../positions.repository.js';
import type { StoredPosition } from '../stored-position.js';

/** Of one read for a file: past this a page costs memory and the ingest's turn, and wins no time. */
const FILE_PAGE = 2_000;
/** The order it was made for, and the time of the last fix shown. */
const CURSOR = /^(?:asc|desc):-?\d{1,15}$/;

/** Where a vehicle was. Read in ranges of `_id` one after the other: no cursor stays open while a client dawdles. */
@Injectable()
export class PositionHistoryService {
  constructor(private readonly positions: PositionsRepository) {}

  /** @throws input/invalid for a cursor that this service did not make, or made for the other order */
  async page(range: HistoryRange, limit: number, cursor?: string): Promise<Page<StoredPosition>> {
    const found = await this.positions.listRange(rangeFromCursor(range, cursor), limit + 1);
    return pageBy(found, limit, ({ timeMs }) => `${range.order}:${timeMs}`);
  }

  /** All of it, in pages of which at most two are in memory: one with the reader and the next on its way. */
  async *readAll(range: HistoryRange): AsyncGenerator<readonly StoredPosition[], void, undefined> {
    let next: Promise<StoredPosition[]> | null = this.positions.listRange(range, FILE_PAGE);
    while (next) {
      const page: StoredPosition[] = await next;
      const last = page.at(-1);
      next =
        last && page.length === FILE_PAGE
          ? this.positions.listRange(remainingRange(range, last), FILE_PAGE)
          : null;
      // Whoever stops reading here must not leave a failure that nobody waits for: it would end the process.
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
  return remainingRange(range, { timeMs: Number(timeMs) });
}
