import { DomainError } from './domain-error.js';

/**
 * Fields of a log line about a failure that is repeated: the reason of an expected one, the complete error with its stack of
 * any other.
 */
export function failureFields(error: unknown): { code: string; reason: string } | { err: unknown } {
  if (!(error instanceof DomainError)) return { err: error };
  const { code, cause, message } = error;
  return { code, reason: cause instanceof Error ? cause.message : message };
}
