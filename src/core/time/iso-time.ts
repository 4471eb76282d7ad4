import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsInt } from 'class-validator';

/** `2026-11-01T10:00:00.123456789+01:00` */
const MAX_LENGTH = 35;

/**
 * RFC 3339 with any number of decimals, its letters in either case, as it allows. Without a zone a time is anybody's
 * guess, and guesses move ambulances.
 */
const ISO_TIME = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}:\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/**
 * Epoch milliseconds (finer digits are cut off), or null for anything else than an existing moment with its zone. Second 60
 * is a leap second, which epoch time does not have: it is the next one.
 */
export function parseTime(value: unknown): number | null {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return null;
  const parts = ISO_TIME.exec(value.toUpperCase());
  if (!parts) return null;
  const [, year = '', month = '', day = '', minute = '', second = '', decimals = '', zone = ''] = parts;
  // Date.parse turns 31 April into 1 May without a word.
  if (Number(month) < 1 || Number(month) > 12) return null;
  if (Number(day) < 1 || Number(day) > daysIn(Number(year), Number(month))) return null;
  const isLeap = second === '60';
  const milliseconds = decimals.slice(0, 3).padEnd(3, '0');
  const text = `${year}-${month}-${day}T${minute}:${isLeap ? '59' : second}.${milliseconds}${zone}`;
  const timeMs = Date.parse(text) + (isLeap ? 1_000 : 0);
  return Number.isNaN(timeMs) ? null : timeMs;
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
}

/**
 * A query or body field that holds such a time; the DTO's property is epoch milliseconds then. A `+` that was not
 * percent-encoded in a query arrives as a space, which is a fault here and not a guess.
 */
export function IsIsoTime(): PropertyDecorator {
  const toMs = ({ value }: { value: unknown }): unknown =>
    value === undefined || value === null ? value : (parseTime(value) ?? NaN);
  const message = '$property must be an ISO-8601 time with its zone, as in 2026-11-01T10:00:00.000Z';
  return applyDecorators(Transform(toMs), IsInt({ message }));
}
