export const SIDES = ['old', 'samserver'] as const;
export type Side = (typeof SIDES)[number];

export const KINDS = ['position', 'picture', 'crash', 'tracking', 'frame', 'notification', 'get'] as const;
export type Kind = (typeof KINDS)[number];

/** One thing that one of the servers has: a stored position, a frame of a panel. */
export interface ComparedItem {
  readonly kind: Kind;
  /** Box code: text from outside. */
  readonly box: string;
  /** Arrival by the server's clock, epoch milliseconds. */
  readonly atMs: number;
  /** Two items are the same thing when they have one of these in common. */
  readonly keys: readonly string[];
  /** What must be equal in both. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What differs. */
export type FindingType =
  /** The other server has it, this side does not. */
  | 'missing'
  /** This side has it once more than the other one. */
  | 'doubled'
  /** Both have it, further apart than the lag window. */
  | 'late'
  /** Both have it, with different fields. */
  | 'differs';

export interface Finding {
  readonly kind: Kind;
  readonly type: FindingType;
  /** `missing`, `doubled`, `late`: the side where it is so. `differs`: always `samserver`. */
  readonly side: Side;
  readonly box: string;
  /** Arrival at the server that has it, or has it first. */
  readonly atMs: number;
  /** Field → value of the old server and of Samserver. Of one server only when the other one has nothing. */
  readonly fields: Readonly<Record<string, { readonly old?: unknown; readonly samserver?: unknown }>>;
  /** Milliseconds from one to the other for `late`, from the first copy for `doubled`. */
  readonly lagMs?: number;
}

export function otherSide(side: Side): Side {
  return side === 'old' ? 'samserver' : 'old';
}
