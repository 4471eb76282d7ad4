import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsString, Length, Matches, ValidateIf } from 'class-validator';
import { PRINTABLE, trimmed } from '../core/index.js';

/** Validates a printable text; removes outer spaces. */
export function IsPrintable(): PropertyDecorator {
  return applyDecorators(
    Transform(trimmed),
    Matches(PRINTABLE, { message: '$property must not hold control characters' }),
    IsString(),
  );
}

/** The field may be absent but not null: every vehicle has it. */
export function IsOptionalNotNull(): PropertyDecorator {
  return ValidateIf((_, value) => value !== undefined);
}

export const IsCallSign = (): PropertyDecorator => applyDecorators(Length(1, 40), IsPrintable());
export const IsRegistration = (): PropertyDecorator => applyDecorators(Length(1, 20), IsPrintable());
export const IsBoxCode = (): PropertyDecorator => applyDecorators(Length(1, 64), IsPrintable());
