import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsOptional } from 'class-validator';

/** May be left out; null says the same, because many clients write it for what they do not have. */
export function IsOptionalOrNull(): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }): unknown => value ?? undefined),
    IsOptional(),
  );
}
