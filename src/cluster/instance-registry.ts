import { Injectable } from '@nestjs/common';
import { Redis } from './redis.js';

/** The others regard an instance as dead 20 s after its heartbeat, so an answer needs one that is clearly younger. */
const MAX_HEARTBEAT_AGE_MS = 10_000;
/** Shortest time without claims. It limits how often the record changes while Redis answers only now and then. */
const RESUME_AFTER_MS = 5_000;

/** The record of another instance in storage. */
export interface OtherInstance {
  readonly id: string;
  /** Odd: it claims what it changes. 0 for an older release. See `claimsToRecord`. */
  readonly claims: number;
}

/** The records of the instances in storage. `deployment` implements it, because this folder does not use the database. */
interface InstanceRecords {
  /** Records a heartbeat of this instance with `claimsToRecord`. @throws storage/unavailable */
  announce(): Promise<void>;
  /** The others that were alive at this time of the database's clock or later. */
  findOthersSince(since: Date): Promise<readonly OtherInstance[]>;
}

/** One successful read of the records. */
interface RegistryRead {
  /** Start of the read, `performance.now()`. */
  readonly startedMs: number;
  /** By the database's clock, between the start and the read. */
  readonly databaseTime: Date;
}

/**
 * What instances read of each other in their records in storage, for features that keep stored state in memory. An
 * instance that changes such state either claims it in Redis, or its record has the mark that it does not.
 */
@Injectable()
export class InstanceRegistry {
  private records: InstanceRecords | null = null;
  private claims: number;
  /** The highest number that storage has. */
  private recordedClaims = -1;
  private announcedAtMs = -Infinity;
  private stoppedClaimingAtMs = -Infinity;
  /** The newest read of the records; null before the first. */
  lastRead: RegistryRead | null = null;

  constructor(private readonly redis: Redis) {
    this.claims = redis.isConfigured ? 1 : 0;
  }

  useRecords(records: InstanceRecords): void {
    this.records = records;
  }

  /**
   * The number for the record. An odd number: this instance claims in Redis what it changes. An even number: it does not. It
   * only grows, so a larger number shows another instance that there was a change in between.
   */
  get claimsToRecord(): number {
    const canResume = performance.now() - this.stoppedClaimingAtMs >= RESUME_AFTER_MS && this.redis.isUp;
    if (this.claims % 2 === 0 && canResume) this.claims += 1;
    return this.claims;
  }

  /** @param startedMs before the write, `performance.now()` */
  noteAnnounced(startedMs: number, claims: number): void {
    this.announcedAtMs = Math.max(this.announcedAtMs, startedMs);
    this.recordedClaims = Math.max(this.recordedClaims, claims);
  }

  async findOthersSince(since: Date): Promise<readonly OtherInstance[]> {
    return (await this.records?.findOthersSince(since)) ?? [];
  }

  /**
   * Resolves when the record in storage shows that this instance changes stored state without a claim.
   * @throws storage/unavailable
   */
  async stopClaiming(): Promise<void> {
    this.stoppedClaimingAtMs = performance.now();
    if (this.claims % 2 === 1) this.claims += 1;
    if (this.recordedClaims < this.claims) await this.records?.announce();
  }

  /**
   * Resolves when the other instances regard this one as alive. Call it before the answer to a change: after a pause of the
   * process they may have regarded it as dead.
   * @throws storage/unavailable
   */
  async ensureAnnounced(): Promise<void> {
    if (performance.now() - this.announcedAtMs > MAX_HEARTBEAT_AGE_MS) await this.records?.announce();
  }
}
