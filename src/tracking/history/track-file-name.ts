import type { HistoryRange } from './history-range.js';

/** `RTW-1-83-1_20261101T100000Z_20261101T110000Z.gpx`; a side without a bound is left open. */
export function trackFileName(callSign: string, { fromMs, toMs }: HistoryRange, extension: string): string {
  const stem = callSign.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '') || 'vehicle';
  const bounds = fromMs === null && toMs === null ? [] : [compact(fromMs), compact(toMs)];
  return `${[stem, ...bounds].join('_')}.${extension}`;
}

/** RFC 6266: the name in ASCII for old programs, and as it is. */
export function contentDisposition(name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]/g, '_');
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encodeURIComponent(name)}`;
}

function compact(timeMs: number | null): string {
  return timeMs === null ? '' : new Date(timeMs).toISOString().replace(/[-:]|\.000/g, '');
}
