export interface Comparison {
  readonly change: number;
  readonly p: number;
  readonly verdict: 'higher' | 'lower' | 'no difference';
}

export function compare(pairs: readonly (readonly [before: number, after: number])[]): Comparison;
