import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsOptional } from 'class-validator';

/**
 * Pattern for names that people read. Control characters break tables, logs and CSV; a lone surrogate has no UTF-8
 * form.
 */
export const PRINTABLE = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*$/u;

/** For class-transformer's `@Transform`: removes spaces at both ends. */
export const trimmed = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' ? value.trim() : value;

/** For class-transformer's `@Transform`: ids are hexadecimal, and clients may send them in capitals. */
export const lowerCased = ({ value }: { value: unknown }): unknown => {
  const lower = (each: unknown): unknown => (typeof each === 'string' ? each.toLowerCase() : each);
  return Array.isArray(value) ? value.map(lower) : lower(value);
};

/** The field may be missing. null means the same, because many clients send null for a missing value. */
export function IsOptionalOrNull(): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }): unknown => value ?? undefined),
    IsOptional(),
  );
}
