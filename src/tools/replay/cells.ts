/** A malformed value; the reader adds file and place to the message. */
export class MalformedCellError extends Error {}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * @param value text or a JSON value; null and blank are absent
 * @returns undefined when absent
 * @throws MalformedCellError
 */
export function numberCell(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'string') {
    const text = value.trim();
    if (text === '') return undefined;
    if (DECIMAL.test(text) && Number.isFinite(Number(text))) return Number(text);
  }
  throw new MalformedCellError(`${quote(value)} is not a number`);
}

/**
 * @param value `true`, `false`, `1` or `0`, as text or as a JSON value; null and blank are absent
 * @returns undefined when absent
 * @throws MalformedCellError
 */
export function booleanCell(value: unknown): boolean | undefined {
  const text = typeof value === 'string' ? value.trim().toLowerCase() : value;
  if (text === undefined || text === null || text === '') return undefined;
  if (text === true || text === 'true' || text === 1 || text === '1') return true;
  if (text === false || text === 'false' || text === 0 || text === '0') return false;
  throw new MalformedCellError(`${quote(value)} is not true or false`);
}

/**
 * @param value a JSON object, also as text; null and blank are absent
 * @returns undefined when absent
 * @throws MalformedCellError
 */
export function objectCell(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value.trim() === '') return undefined;
  const object = typeof value === 'string' ? parsed(value) : value;
  if (typeof object === 'object' && object !== null && !Array.isArray(object))
    return object as Readonly<Record<string, unknown>>;
  throw new MalformedCellError(`${quote(value)} is not a JSON object`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * ISO 8601 and similar forms: a slash for the dash (ogr2ogr), a space for the T, `+00`, `-0700`. A time without a zone is
 * UTC, as in GPX.
 */
const TIME =
  /^(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*(?:(Z)|([+-])(\d\d)(?::?(\d\d))?)?$/i;

/** Smaller numbers are seconds. As milliseconds the limit is the year 1973, as seconds the year 5138. */
const SMALLEST_EPOCH_MS = 1e11;

/**
 * @param value text, or a number of epoch milliseconds or seconds
 * @returns epoch milliseconds, rounded down; undefined when absent
 * @throws MalformedCellError
 */
export function timeCell(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isFinite(value))
    return Math.trunc(Math.abs(value) < SMALLEST_EPOCH_MS ? value * 1000 : value);
  if (typeof value === 'string') {
    if (value.trim() === '') return undefined;
    const match = TIME.exec(value.trim());
    const timeMs = match === null ? NaN : toEpochMs(match);
    if (!Number.isNaN(timeMs)) return timeMs;
  }
  throw new MalformedCellError(`${quote(value)} is not a time`);
}

function toEpochMs(match: RegExpExecArray): number {
  const [, year, month, day, hour, minute, second = '00', fraction = '', , sign, zoneHour, zoneMinute] =
    match;
  const civil = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
  const timeMs = Date.parse(civil);
  // V8 reads 30 February as 1 March; a round trip does not.
  if (Number.isNaN(timeMs) || new Date(timeMs).toISOString() !== civil) return NaN;
  const zoneMinutes = Number(zoneHour ?? 0) * 60 + Number(zoneMinute ?? 0);
  return timeMs - (sign === '-' ? -1 : 1) * zoneMinutes * 60_000;
}

/** At most 40 characters, so that the message fits on a line. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
