import { Injectable } from '@nestjs/common';
import { Clock } from '../time/clock.js';
import { KeyedTokenBuckets } from './keyed-token-buckets.js';

/**
 * What a key spends below this part of its rate counts on its instance only. Real clients send at most a quarter of a rate, so
 * they cost no exchange between instances; three instances with a third each make one rate.
 */
const OWN_SHARE = 1 / 3;

/**
 * A rate of each key that all instances have in common. The buckets of this instance decide, at once. `cluster` adds up what
 * the instances have given to each key, and lowers the buckets here by what the others gave. Without it each instance allows
 * the whole rate.
 */
export class SharedRate {
  private readonly buckets: KeyedTokenBuckets;
  /** Tokens given since the last exchange; null while there is none. */
  private spent: Map<string, number> | null = null;

  /**
   * @param capacity tokens that a burst of one key can take
   * @param perSecond tokens that one key gets back each second
   */
  constructor(
    readonly name: string,
    readonly capacity: number,
    readonly perSecond: number,
    private readonly clock: Clock,
  ) {
    this.buckets = new KeyedTokenBuckets(capacity, perSecond);
  }

  /**
   * Takes `count` tokens of a key, or none.
   * @returns 0 when the tokens were taken; otherwise the time until they can be, milliseconds
   */
  take(key: string, count = 1): number {
    const waitMs = this.buckets.take(key, this.clock.nowMs(), count);
    if (waitMs === 0) this.note(key, count);
    return waitMs;
  }

  /**
   * Takes `count` tokens of a key, whether it has them or not.
   * @returns tokens that are left; negative: owed, three times the capacity at most
   */
  charge(key: string, count: number): number {
    this.note(key, count);
    return this.buckets.charge(key, this.clock.nowMs(), count);
  }

  /** For `cluster`: what is spent from now on waits for `takeSpent`, which must be called regularly. */
  startSharing(): void {
    this.spent ??= new Map();
  }

  /**
   * For `cluster`: the keys that spent more than this instance's own share, and how much.
   * @param elapsedS seconds since the last call
   */
  takeSpent(elapsedS: number): (readonly [key: string, count: number])[] {
    const minCount = elapsedS * this.perSecond * OWN_SHARE;
    const spent = [...(this.spent ?? [])].filter(([, count]) => count > minCount);
    this.spent?.clear();
    return spent;
  }

  /**
   * For `cluster`: leaves a key at most what all instances together have left.
   * @param tokens without what was spent here since `takeSpent`; may be negative
   */
  lowerTo(key: string, tokens: number): void {
    this.buckets.lowerTo(key, this.clock.nowMs(), tokens - (this.spent?.get(key) ?? 0));
  }

  private note(key: string, count: number): void {
    this.spent?.set(key, (this.spent.get(key) ?? 0) + count);
  }
}

/** All rates that the instances have in common. */
@Injectable()
export class SharedRates {
  private readonly rates = new Map<string, SharedRate>();
  private isSharing = false;

  constructor(private readonly clock: Clock) {}

  /** @param name unique; the same on all instances */
  add(name: string, capacity: number, perSecond: number): SharedRate {
    const rate = new SharedRate(name, capacity, perSecond, this.clock);
    if (this.isSharing) rate.startSharing();
    this.rates.set(name, rate);
    return rate;
  }

  /** For `cluster`: see `SharedRate.startSharing`. */
  startSharing(): void {
    this.isSharing = true;
    for (const rate of this.rates.values()) rate.startSharing();
  }

  get all(): readonly SharedRate[] {
    return [...this.rates.values()];
  }
}
