import { Injectable } from '@nestjs/common';
import { Readable } from 'node:stream';
import { Clock, type Position } from '../../core/index.js';
import type { HistoryRange } from '../positions.repository.js';
import { PositionHistoryService } from './position-history.service.js';
import { CSV_FORMAT, GEOJSON_FORMAT, GPX_FORMAT, type TrackFormat } from './track-formats.js';

export const TRACK_FORMATS = { gpx: GPX_FORMAT, geojson: GEOJSON_FORMAT, csv: CSV_FORMAT } as const;
export type TrackFormatName = keyof typeof TRACK_FORMATS;

interface TrackFile {
  /** The value of the header `Content-Disposition`. */
  readonly disposition: string;
  readonly mediaType: string;
  /** Ends with an error when storage fails. The response must then be cut off, so that the file does not look complete. */
  readonly content: Readable;
}

/** Exports a part of a vehicle's history as a file. It is written while the client reads and is never whole in memory. */
@Injectable()
export class TrackExportService {
  constructor(
    private readonly history: PositionHistoryService,
    private readonly clock: Clock,
  ) {}

  /**
   * Resolves when the first page is read, so that an outage before it is an error answer and not a broken file.
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
      disposition: contentDisposition(trackFileName(callSign, range, format.extension)),
      mediaType: format.mediaType,
      content: Readable.from(chunks, { objectMode: false }),
    };
  }
}

/** One chunk per page. When the reader stops, `for await` ends `pages` too. */
async function* write(
  format: TrackFormat,
  head: string,
  firstPage: readonly Position[],
  pages: AsyncGenerator<readonly Position[], void, undefined>,
): AsyncGenerator<Buffer, void, undefined> {
  let last = firstPage.at(-1) ?? null;
  yield Buffer.from(head + (last ? format.fixes(firstPage, null) : ''));
  for await (const page of pages) {
    yield Buffer.from(format.fixes(page, last));
    last = page.at(-1) ?? last;
  }
  yield Buffer.from(format.tail(last));
}

/** `RTW-1-83-1_20261101T100000Z_20261101T110000Z.gpx`; a missing bound is an empty part. */
export function trackFileName(callSign: string, { fromMs, toMs }: HistoryRange, extension: string): string {
  const stem = callSign.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '') || 'vehicle';
  const bounds = fromMs === null && toMs === null ? [] : [compactTime(fromMs), compactTime(toMs)];
  return `${[stem, ...bounds].join('_')}.${extension}`;
}

/**
 * RFC 6266: the name in ASCII for old programs, and in UTF-8. The package content-disposition leaves out the second form
 * for ASCII names and writes the first one differently, and clients rely on this header.
 */
export function contentDisposition(name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]/g, '_');
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encodeURIComponent(name)}`;
}

function compactTime(timeMs: number | null): string {
  return timeMs === null ? '' : new Date(timeMs).toISOString().replace(/[-:]|\.000/g, '');
}
