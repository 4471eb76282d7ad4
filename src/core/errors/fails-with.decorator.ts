import { ApiExtension } from '@nestjs/swagger';
import type { ErrorCode } from './error-codes.js';

/** Extension of an OpenAPI operation that lists who may call it; `core/http/api-document.ts` turns it into text. */
export const API_ACCESS = 'x-who';

/** Where `FailsWith` leaves its codes for the OpenAPI document. */
export const FAILS_WITH = 'x-fails';

/**
 * The codes with which this operation answers beside those of all: what a missing token, a malformed body or storage
 * that is away gives is known of every operation and not said again. Status, sentence and example come from the table.
 */
export const FailsWith = (...codes: readonly ErrorCode[]): MethodDecorator =>
  ApiExtension(FAILS_WITH, [...codes]);
