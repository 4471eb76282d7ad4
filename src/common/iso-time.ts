import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsInt } from 'class-validator';

/** RFC 3339 with any number of decimals. Without a zone a time is anybody's guess, and guesses move ambulances. */
const ISO_TIME = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|[+-]\d{2}:\d{2})$/;

/** Epoch milliseconds (finer digits are cut off), or null for anything else than an existing moment with its zone. */
export function parseTime(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const parts = ISO_TIME.exec(value);
  if (!parts) return null;
  // Date.parse turns 31 April into 1 May without a word.
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  const timeMs = Date.parse(
    value.replace(/\.(\d{1,9})/, (_, digits: string) => `.${digits.slice(0, 3).padEnd(3, '0')}`),
  );
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
