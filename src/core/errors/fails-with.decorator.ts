import { ApiExtension } from '../http/api.decorators.js';
import type { ErrorCode } from './error-codes.js';

/** OpenAPI extension with the roles that may call an operation; `core/http/api-document.ts` replaces it by text. */
export const API_ACCESS = 'x-who';

/** OpenAPI extension with the codes of `FailsWith`; `core/http/api-document.ts` replaces it by answers. */
export const FAILS_WITH = 'x-fails';

/**
 * Documents the error codes of this operation. Leave out the codes of all operations: for a missing or wrong token, a
 * malformed body and unavailable storage. Status, text and example come from `ERROR_CODES`.
 */
export const FailsWith = (...codes: readonly ErrorCode[]): MethodDecorator =>
  ApiExtension(FAILS_WITH, [...codes]);
