import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsString, Length, Matches, ValidateIf } from 'class-validator';
import { PRINTABLE, trimmed } from '../core/index.js';

/** A text for people, without outer spaces. */
export function IsPrintable(): PropertyDecorator {
  return applyDecorators(
    Transform(trimmed),
    Matches(PRINTABLE, { message: '$property must not hold control characters' }),
    IsString(),
  );
}

/** May be left out, but not be null: that would take away what every vehicle has. */
export function IsOptionalNotNull(): PropertyDecorator {
  return ValidateIf((_, value) => value !== undefined);
}

export const IsCallSign = (): PropertyDecorator => applyDecorators(Length(1, 40), IsPrintable());
export const IsRegistration = (): PropertyDecorator => applyDecorators(Length(1, 20), IsPrintable());
export const IsBoxCode = (): PropertyDecorator => applyDecorators(Length(1, 64), IsPrintable());
