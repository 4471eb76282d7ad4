import { Injectable } from '@nestjs/common';
import { Readable } from 'node:stream';
import { Clock } from '../../core/index.js';
import { CSV_FORMAT } from './csv-format.js';
import { GEOJSON_FORMAT } from './geojson-format.js';
import { GPX_FORMAT } from './gpx-format.js';
import type { HistoryRange } from './history-range.js';
import { PositionHistoryService } from './position-history.service.js';
import type { StoredPosition } from '../stored-position.js';
import type { TrackFormat } from './track-formats.js';
import { trackFileName } from './track-file-name.js';

export const TRACK_FORMATS = { gpx: GPX_FORMAT, geojson: GEOJSON_FORMAT, csv: CSV_FORMAT } as const;
export type TrackFormatName = keyof typeof TRACK_FORMATS;

/** A file on its way. */
export interface TrackFile {
  readonly name: string;
  readonly mediaType: string;
  /** Fails in the middle when storage does; whoever sends it must not end it as if it were whole. */
  readonly content: Readable;
}

/** A stretch of history as a file that other programs read, made as fast as it is taken and never whole in memory. */
@Injectable()
export class TrackExportService {
  constructor(
    private readonly history: PositionHistoryService,
    private readonly clock: Clock,
  ) {}

  /**
   * Resolves with the first page read, so that an outage before it is an answer and not a broken file.
   * @throws storage/unavailable
   */
  async open(callSign: string, range: HistoryRange, formatName: TrackFormatName): Promise<TrackFile> {
    const format = TRACK_FORMATS[formatName];
    const pages = this.history.readAll(range);
    const first = await pages.next();
    const { vehicleId } = range;
    const head = format.head({ callSign, vehicleId, madeAt: new Date(this.clock.nowMs()) });
    const chunks = write(format, head, first.done ? [] : first.value, pages);
    return {
      name: trackFileName(callSign, range, format.extension),
      mediaType: format.mediaType,
      content: Readable.from(chunks, { objectMode: false }),
    };
  }
}

/** A chunk a page. When the reader goes away, the generator's end reaches `pages` through `for await`. */
async function* write(
  format: TrackFormat,
  head: string,
  firstPage: readonly StoredPosition[],
  pages: AsyncGenerator<readonly StoredPosition[], void, undefined>,
): AsyncGenerator<Buffer, void, undefined> {
  let last = firstPage.at(-1) ?? null;
  yield Buffer.from(head + (last ? format.fixes(firstPage, null) : ''));
  for await (const page of pages) {
    yield Buffer.from(format.fixes(page, last));
    last = page.at(-1) ?? last;
  }
  yield Buffer.from(format.tail(last));
}
