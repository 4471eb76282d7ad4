/** Where the deployment's id stands already; `volume` is undefined without IMAGE_DIR. */
export interface InitFacts {
  readonly database: string | null;
  readonly volume: string | null | undefined;
}

export type InitPlan =
  | { readonly kind: 'done'; readonly id: string }
  | { readonly kind: 'refused'; readonly database: string; readonly volume: string }
  | { readonly kind: 'write'; readonly id: string; readonly places: readonly ('database' | 'volume')[] };

/** @param makeId called only when there is none yet */
export function planInit({ database, volume }: InitFacts, makeId: () => string): InitPlan {
  if (database !== null && typeof volume === 'string' && database !== volume) {
    return { kind: 'refused', database, volume };
  }
  const places = [
    ...(database === null ? (['database'] as const) : []),
    ...(volume === null ? (['volume'] as const) : []),
  ];
  const id = database ?? volume ?? makeId();
  return places.length === 0 ? { kind: 'done', id } : { kind: 'write', id, places };
}
