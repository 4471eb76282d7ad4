import { Inject, Injectable } from '@nestjs/common';
import { EventStream, InstanceIdentity, InstanceRegistry, Redis, RedisScript } from '../../cluster/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';

/** An unclaimed vehicle is read again, so an expired claim costs one read. */
const CLAIM_TTL_MS = 600_000;

/**
 * KEYS: one key for each vehicle. ARGV: the owner, lifetime in milliseconds. Makes this instance the owner of all.
 * Returns the indexes, from 1, of those that had another owner or none.
 */
const CLAIM_SCRIPT = new RedisScript(`
local taken = {}
for index, key in ipairs(KEYS) do
  if redis.call('GET', key) ~= ARGV[1] then taken[#taken + 1] = index end
  redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
end
return taken`);

const NONE: readonly string[] = [];

/**
 * Decides which tracks this instance may keep in memory: those that no other instance can have changed since they were read.
 *
 * - Embedded database: all, because no other process opens it.
 * - Redis: each vehicle has one owner. An instance claims the vehicles of a group before it uses its memory, and again after
 *   the commit and before the answer. A claim returns the vehicles that had another owner; their tracks in memory are out of
 *   date: another instance changed them before (first claim), or claimed and read them during the commit (second claim). The
 *   second claim makes that other instance read them again.
 * - Without Redis, and while it does not answer: all, while no other instance is alive or was alive since they were read.
 *
 * An instance that changes a track without a claim records that before it answers (`InstanceRegistry.stopClaiming`). The
 * others read the records before each group and then keep nothing in memory.
 */
@Injectable()
export class TrackOwnership {
  /** All other instances that were alive since this time of the database's clock are checked; null: not yet. */
  private checkedSince: Date | null = null;
  /** The others that claim, each with its number of claims. */
  private claimants: ReadonlySet<string> = new Set();
  /** Only a read of the records that began later counts, `performance.now()`. */
  private mustReadAfterMs = -Infinity;
  /** Another instance has a record since `checkedSince`, as the newest check has found. */
  private hasRecords = true;

  constructor(
    private readonly registry: InstanceRegistry,
    private readonly redis: Redis,
    private readonly identity: InstanceIdentity,
    private readonly stream: EventStream,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'mongo'>,
  ) {}

  /**
   * Call it before the tracks in memory are used.
   * @returns the vehicles whose tracks may be out of date in memory; null: all tracks, and none may be kept
   * @throws storage/unavailable
   */
  async claim(vehicleIds: readonly string[]): Promise<readonly string[] | null> {
    if (this.isAlone) return NONE;
    const [canKeep, taken] = await Promise.all([
      this.checkOthers(),
      this.redis.isConfigured ? this.claimInRedis(vehicleIds) : NONE,
    ]);
    if (!canKeep) return null;
    // Redis does not answer: the same rule as without Redis.
    return taken ?? (this.hasRecords ? null : NONE);
  }

  /**
   * Call it after each change of tracks in storage and before the answer.
   * @returns as `claim`
   * @throws storage/unavailable; then the change must not be acknowledged
   */
  async confirm(vehicleIds: readonly string[]): Promise<readonly string[] | null> {
    if (this.isAlone) return NONE;
    const taken = this.redis.isConfigured ? await this.claimInRedis(vehicleIds) : NONE;
    if (taken === null) await this.registry.stopClaiming();
    await this.registry.ensureAnnounced();
    // The next claim finds the record of an instance that came meanwhile.
    return taken ?? (this.hasRecords ? null : NONE);
  }

  private get isAlone(): boolean {
    return this.settings.mongo.url === null && !this.stream.hasOthers;
  }

  /** @returns null when Redis does not answer */
  private async claimInRedis(vehicleIds: readonly string[]): Promise<readonly string[] | null> {
    try {
      const taken = (await this.redis.run((client) =>
        CLAIM_SCRIPT.run(client, {
          keys: vehicleIds.map((id) => this.redis.key('track', id)),
          // After a new connection the keys can be those of an earlier time: none of them counts.
          arguments: [`${this.identity.id}:${this.redis.generation}`, String(CLAIM_TTL_MS)],
        }),
      )) as readonly number[];
      return taken.length === 0 ? NONE : taken.map((index) => vehicleIds[index - 1] as string);
    } catch {
      return null;
    }
  }

  /** @returns whether every other instance that was alive since the last call with true claims what it changes */
  private async checkOthers(): Promise<boolean> {
    const read = this.registry.lastRead;
    this.checkedSince ??= this.timeOf(read);
    if (this.checkedSince === null) return false;
    const others = await this.registry.findOthersSince(this.checkedSince);
    this.hasRecords = others.length > 0;
    const canKeep = others.every(({ claims }) => this.redis.isConfigured && claims % 2 === 1);
    const claimants = new Set(others.map(({ id, claims }) => `${id} ${claims}`));
    // An instance that has ended changes nothing any more, and its last number was seen.
    const isNoneNew = [...claimants].every((each) => this.claimants.has(each));
    this.claimants = claimants;
    if (!canKeep) {
      this.checkedSince = null;
      this.mustReadAfterMs = performance.now();
      return false;
    }
    // This check has seen what ended before `read`. From a fixed start, the record of each restart would be read for a day.
    this.checkedSince = this.timeOf(read) ?? this.checkedSince;
    const areRecorded = [...(this.stream.otherIds ?? [])].every((id) =>
      others.some((other) => other.id === id),
    );
    return isNoneNew && areRecorded;
  }

  private timeOf(read: InstanceRegistry['lastRead']): Date | null {
    return read === null || read.startedMs <= this.mustReadAfterMs ? null : read.databaseTime;
  }
}
