import { CHECK_IDS, type CheckId, CHECKS } from './check-table.js';

export type CheckStatus = 'ok' | 'warning' | 'failed' | 'not checked';

/** The result of one check of the table `CHECKS`. */
export interface Check {
  readonly id: CheckId;
  readonly status: CheckStatus;
  readonly seen: string;
  /** What the operator does now. Null: nothing. */
  readonly todo: string | null;
}

export const ok = (id: CheckId, seen: string): Check => ({ id, status: 'ok', seen, todo: null });
export const warning = (id: CheckId, seen: string, todo: string): Check => ({
  id,
  status: 'warning',
  seen,
  todo,
});
export const failed = (id: CheckId, seen: string, todo: string): Check => ({
  id,
  status: 'failed',
  seen,
  todo,
});
export const notChecked = (id: CheckId, seen: string, todo: string): Check => ({
  id,
  status: 'not checked',
  seen,
  todo,
});

/** One result for each check of the table, in its order. A check without a result never passes in silence. */
export function completeChecks(results: readonly Check[]): Check[] {
  return CHECK_IDS.map(
    (id) =>
      results.find((each) => each.id === id) ??
      notChecked(
        id,
        'a check before it found nothing to look at',
        'solve the findings above and run it again',
      ),
  );
}

/** True for a check that forbids the next phase: it failed, or it is required and could not be made. */
export function isBlocking({ id, status }: Check): boolean {
  return status === 'failed' || (status === 'not checked' && CHECKS[id].isRequired);
}
