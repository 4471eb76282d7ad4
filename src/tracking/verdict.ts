/**
 * Why a fix is kept but not believed, in the order in which the rules are asked; contract, "A position and its
 * verdict".
 */
export const QUARANTINE_CODES = [
  'future',
  'too_old',
  'inaccurate',
  'null_island',
  'time_conflict',
  'jump',
] as const;
export type QuarantineCode = (typeof QUARANTINE_CODES)[number];

/** What was found for one parsed fix. */
export type ValidationResult =
  | { readonly verdict: 'stored'; readonly late: boolean }
  | { readonly verdict: 'duplicate' }
  | { readonly verdict: 'quarantined'; readonly code: QuarantineCode };
