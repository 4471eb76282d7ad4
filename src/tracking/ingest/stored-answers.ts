import type { PositionResult, ReportAnswer } from '../../core/index.js';

/** Positions of one report. */
export const MAX_REPORTED = 500;

interface StoredAnswer {
  readonly answer: ReportAnswer;
  json: string | null;
}

/** By the number of positions. */
const ANSWERS: (StoredAnswer | undefined)[] = [];

/** The usual answer: every position is stored, none late. Made once for each number, so it is frozen. */
export function storedAnswer(count: number): ReportAnswer {
  return (ANSWERS[count] ??= { answer: make(count), json: null }).answer;
}

/** The answer as JSON; that of `storedAnswer` is kept, about 4 MB for all numbers. */
export function answerJson(answer: ReportAnswer): string {
  const known = ANSWERS[answer.results.length];
  if (known?.answer !== answer) return JSON.stringify(answer);
  return (known.json ??= JSON.stringify(answer));
}

function make(count: number): ReportAnswer {
  const results = Array.from({ length: count }, (_, index): PositionResult =>
    Object.freeze({ index, verdict: 'stored' }),
  );
  return Object.freeze({
    results: Object.freeze(results),
    stored: count,
    duplicate: 0,
    quarantined: 0,
    rejected: 0,
  });
}
