import { ApiExtension } from '@nestjs/swagger';
import type { ErrorCode } from './error-codes.js';

/** Where `Fails` leaves its codes for the OpenAPI document. */
export const FAILS = 'x-fails';

/**
 * The codes with which this operation answers beside those of all: what a missing token, a malformed body or storage
 * that is away gives is known of every operation and not said again. Status, sentence and example come from the table.
 */
export const Fails = (...codes: readonly ErrorCode[]): MethodDecorator => ApiExtension(FAILS, [...codes]);
