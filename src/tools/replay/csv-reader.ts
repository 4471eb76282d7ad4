/** CSV with a header, as `format=csv` of the service and as the recordings of the project. */
import { CsvError, parse } from 'csv-parse/sync';
import { PointFault, readPoint } from './point-values.js';
import { trackNameOf, TrackFileError, type Track, type TrackFix } from './track.js';

/** The names of each column. A speed without its unit in the name is not read. */
const COLUMNS = {
  time: ['fix_time', 'time'],
  lat: ['lat'],
  lon: ['lon'],
  speedMps: ['speed_mps'],
  headingDeg: ['heading_deg', 'course_deg'],
  accuracyM: ['accuracy_m'],
  altitudeM: ['altitude_m'],
  batteryPct: ['battery_pct'],
  ignition: ['ignition'],
  attributes: ['attributes'],
} as const;

interface CsvRow {
  readonly record: Readonly<Record<string, string>>;
  /** `lines` is the number of the record's last line. */
  readonly info: { readonly lines: number };
}

/** Finds columns by name and ignores those that a position has no field for, e.g. `received_at`. */
export function readCsv(text: string, file: string): Track {
  const fixes: TrackFix[] = [];
  const withoutTime: string[] = [];
  const refused: string[] = [];
  for (const { record, info } of parseRows(text, file, refused)) {
    try {
      const fix = readPoint((field) => {
        const column = COLUMNS[field].find((name) => record[name] !== undefined) ?? COLUMNS[field][0];
        return { name: `column ${column}`, value: record[column] };
      });
      if (fix) fixes.push(fix);
      else withoutTime.push(`line ${info.lines}`);
    } catch (error) {
      if (!(error instanceof PointFault)) throw error;
      refused.push(`line ${info.lines}: ${error.message}`);
    }
  }
  return { name: trackNameOf(file), file, fixes, refused, withoutTime, ignored: [] };
}

/** @param refused gets the lines that are no record of this table */
function parseRows(text: string, file: string, refused: string[]): CsvRow[] {
  const checkHeader = (header: string[]): string[] => {
    const columns = header.map((column) => column.trim());
    const missing = [COLUMNS.time, COLUMNS.lat, COLUMNS.lon]
      .filter((names) => !names.some((name) => columns.includes(name)))
      .map((names) => names.join(' or '));
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
      skip_records_with_error: true,
      on_skip: (error) => {
        if (error) refused.push(faultOf(error));
        return undefined;
      },
    });
    return rows as CsvRow[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new TrackFileError(file, null, faultOf(error));
  }
}

function faultOf(error: CsvError): string {
  const { lines } = error as CsvError & { lines?: number };
  return lines === undefined ? error.message : `line ${lines}: ${error.message}`;
}
