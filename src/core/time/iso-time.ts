import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsInt } from 'class-validator';

/** `2026-11-01T10:00:00.123456789+01:00` */
const MAX_LENGTH = 35;

/**
 * RFC 3339 with up to nine decimals, letters in either case. Also what common libraries write and what has one meaning
 * only: a space for the T, a comma before the decimals, a zone without its colon or its minutes. The zone is required: a
 * guessed zone gives a wrong time. Numbers are refused: seconds, milliseconds and microseconds look alike.
 */
const ISO_TIME =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}:\d{2}):(\d{2})(?:[.,](\d{1,9}))?(?:(Z)|([+-]\d{2})(?::?(\d{2}))?)$/;

/**
 * Epoch milliseconds; further decimals are cut off. null for anything but an existing time with a zone. Second 60 is a leap
 * second, which epoch time does not have; it counts as the next second.
 */
export function parseTime(value: unknown): number | null {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return null;
  return parseUsualTime(value) ?? parseAnyTime(value);
}

/** Day and midnight (epoch milliseconds) of the last usual time: the times of a report are mostly of one day. */
let lastDay = '';
let lastMidnightMs = 0;

/** `2026-11-01T10:00:00.000Z`, what `toISOString` gives. @returns null for anything else */
function parseUsualTime(text: string): number | null {
  if (text.length !== 24 || text[10] !== 'T' || text[13] !== ':' || text[16] !== ':') return null;
  if (text[19] !== '.' || text[23] !== 'Z') return null;
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  const milliseconds = twoDigits(text, 20) * 10 + digit(text, 22);
  // NaN fails too.
  if (!(hour < 24 && minute < 60 && second < 60 && milliseconds < 1_000)) return null;
  const day = text.slice(0, 10);
  if (day !== lastDay) {
    const midnightMs = parseAnyTime(`${day}T00:00:00.000Z`);
    if (midnightMs === null) return null;
    lastDay = day;
    lastMidnightMs = midnightMs;
  }
  return lastMidnightMs + ((hour * 60 + minute) * 60 + second) * 1_000 + milliseconds;
}

function twoDigits(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1);
}

/** NaN when it is no digit */
function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - 48;
  return value >= 0 && value <= 9 ? value : NaN;
}

function parseAnyTime(value: string): number | null {
  const parts = ISO_TIME.exec(value.toUpperCase());
  if (!parts) return null;
  const [, year = '', month = '', day = '', minute = '', second = '', decimals = ''] = parts;
  // Date.parse accepts 31 April as 1 May.
  if (Number(month) < 1 || Number(month) > 12) return null;
  if (Number(day) < 1 || Number(day) > daysIn(Number(year), Number(month))) return null;
  const isLeap = second === '60';
  const milliseconds = decimals.slice(0, 3).padEnd(3, '0');
  const offset = parts[7] ?? `${parts[8] ?? ''}:${parts[9] ?? '00'}`;
  const text = `${year}-${month}-${day}T${minute}:${isLeap ? '59' : second}.${milliseconds}${offset}`;
  const timeMs = Date.parse(text) + (isLeap ? 1_000 : 0);
  return Number.isNaN(timeMs) ? null : timeMs;
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
}

/**
 * For a query or body field with such a time; the DTO property is epoch milliseconds. In a query, a `+` that is not
 * percent-encoded arrives as a space, and the field is invalid.
 */
export function IsIsoTime(): PropertyDecorator {
  const toMs = ({ value }: { value: unknown }): unknown =>
    value === undefined || value === null ? value : (parseTime(value) ?? NaN);
  const message = '$property must be an ISO-8601 time with its zone, as in 2026-11-01T10:00:00.000Z';
  return applyDecorators(Transform(toMs), IsInt({ message }));
}
