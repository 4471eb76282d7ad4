/** CSV with a header: `fix_time, lat, lon` and optionally speed, course, accuracy and altitude. */
import { CsvError, parse } from 'csv-parse/sync';
import { MalformedCellError, numberCell, timeCell } from './cells.js';
import { trackNameOf, TrackFileError, type Track, type TrackFix } from './track.js';

const REQUIRED = ['fix_time', 'lat', 'lon'] as const;

interface CsvRow {
  readonly record: Readonly<Record<string, string>>;
  /** `lines` is the number of the record's last line. */
  readonly info: { readonly lines: number };
}

/** Finds columns by name and ignores those that a position has no field for, e.g. `device_write_time`. */
export function readCsv(text: string, file: string): Track {
  const fixes: TrackFix[] = [];
  const withoutTime: string[] = [];
  for (const { record, info } of parseRows(text, file)) {
    const place = `line ${info.lines}`;
    const cell = <T>(column: string, read: (value: unknown) => T | undefined): T | undefined => {
      try {
        return read(record[column]);
      } catch (error) {
        if (!(error instanceof MalformedCellError)) throw error;
        throw new TrackFileError(file, place, `column ${column}: ${error.message}`);
      }
    };
    const required = (column: 'lat' | 'lon'): number => {
      const value = cell(column, numberCell);
      if (value === undefined) throw new TrackFileError(file, place, `column ${column} is empty`);
      return value;
    };
    const fix = {
      lat: required('lat'),
      lon: required('lon'),
      speedMps: cell('speed_mps', numberCell),
      headingDeg: cell('course_deg', numberCell),
      accuracyM: cell('accuracy_m', numberCell),
      altitudeM: cell('altitude_m', numberCell),
    };
    const timeMs = cell('fix_time', timeCell);
    if (timeMs === undefined) withoutTime.push(place);
    else fixes.push({ timeMs, ...fix });
  }
  return { name: trackNameOf(file), file, fixes, withoutTime, ignored: [] };
}

function parseRows(text: string, file: string): CsvRow[] {
  const checkHeader = (header: string[]): string[] => {
    const columns = header.map((column) => column.trim());
    const missing = REQUIRED.filter((column) => !columns.includes(column));
    if (missing.length > 0)
      throw new TrackFileError(file, 'line 1', `column ${missing.join(', ')} is missing`);
    return columns;
  };
  try {
    const rows: unknown = parse(text, {
      bom: true,
      columns: checkHeader,
      info: true,
      skip_empty_lines: true,
    });
    return rows as CsvRow[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines } = error as CsvError & { lines?: number };
    throw new TrackFileError(file, lines === undefined ? null : `line ${lines}`, error.message);
  }
}
