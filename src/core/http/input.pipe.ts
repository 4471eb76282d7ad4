import { type ArgumentMetadata, Injectable, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { type FieldError, invalidInput } from '../errors/domain-error.js';
import { lowerCased } from './input.decorators.js';
import { exceedsJsonLimits, MAX_OBJECT_FIELDS, MAX_JSON_DEPTH } from './json-limits.js';

/** Limits of an answer: the names of unknown fields come from the sender. */
const MAX_FAULTS = 50;
const MAX_FAULT_LENGTH = 200;

/**
 * Validates bodies and queries against their DTO. An unknown field is an error, because a misspelt field would otherwise be
 * ignored. The answer names all errors and does not contain the values that were sent.
 */
@Injectable()
export class InputPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      stopAtFirstError: true,
      validationError: { target: false, value: false },
      exceptionFactory: (errors) => invalidInput(faultsOf(errors, '').slice(0, MAX_FAULTS).map(truncated)),
    });
  }

  /** @throws input/invalid with all errors */
  override transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (isId(metadata)) return Promise.resolve(lowerCased({ value }));
    if (this.toValidate(metadata) && exceedsJsonLimits(value)) {
      const message = `the input has more than ${MAX_JSON_DEPTH} levels, or an object of more than ${MAX_OBJECT_FIELDS} fields`;
      throw invalidInput([{ path: '', message }]);
    }
    return super.transform(value, metadata);
  }
}

/** `:id`, `:credentialId`: ids are hexadecimal, and clients may send them in capitals. */
function isId({ type, data }: ArgumentMetadata): boolean {
  return type === 'param' && data !== undefined && /^id$|Id$/.test(data);
}

function faultsOf(errors: readonly ValidationError[], parent: string): FieldError[] {
  return errors.flatMap((error) => {
    const path = parent === '' ? error.property : `${parent}.${error.property}`;
    const own = Object.values(error.constraints ?? {}).map((message) => ({ path, message }));
    return [...own, ...faultsOf(error.children ?? [], path)];
  });
}

function truncated({ path, message }: FieldError): FieldError {
  return { path: path.slice(0, MAX_FAULT_LENGTH), message: message.slice(0, MAX_FAULT_LENGTH) };
}
