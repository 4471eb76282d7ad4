import { type ArgumentMetadata, Injectable, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { DomainError, type FieldError } from '../errors/domain-error.js';
import { lowerCased } from './input.decorators.js';
import { exceedsJsonLimits, MAX_OBJECT_FIELDS, MAX_JSON_DEPTH } from './json-limits.js';

/** Names of unknown fields are the sender's own words: an answer holds so many, and so much of each. */
const MAX_FAULTS = 50;
const MAX_FAULT_LENGTH = 200;

/**
 * Bodies and queries against their DTO: unknown fields are faults (a misspelt one would be lost in silence), and the
 * answer names every fault at once without echoing what was sent.
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

  /** @throws input/invalid naming every fault */
  override transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (isId(metadata)) return Promise.resolve(lowerCased({ value }));
    if (this.toValidate(metadata) && exceedsJsonLimits(value)) {
      const message = `the input has more than ${MAX_JSON_DEPTH} levels, or an object of more than ${MAX_OBJECT_FIELDS} fields`;
      throw invalidInput([{ path: '', message }]);
    }
    return super.transform(value, metadata);
  }
}

/** `:id`, `:credentialId`: all of ours are hexadecimal digits, which are the same ones in capitals. */
function isId({ type, data }: ArgumentMetadata): boolean {
  return type === 'param' && data !== undefined && /^id$|Id$/.test(data);
}

export function invalidInput(errors: readonly FieldError[]): DomainError {
  const named = errors.slice(0, 3).map((fault) => fault.message);
  return new DomainError('input/invalid', named.join('; ') || 'The input is not valid.', {
    errors,
  });
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
