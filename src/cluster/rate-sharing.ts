import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { BackgroundJobs, type SharedRate, SharedRates } from '../core/index.js';
import { Redis, RedisUnavailableError } from './redis.js';
import { RedisScript } from './redis-script.js';
import { SharedLimits } from './shared-limits.js';

const INTERVAL_MS = 1_000;
/** Longer than the time between two exchanges of an instance. */
const FULL_KEPT_MS = 3 * INTERVAL_MS;
/** No request waits for an exchange. A busy process may take its answer late, and needs it most then. */
const EXCHANGE_TIMEOUT_MS = 1_000;
/** Of one rate in one exchange: the script must not block Redis for long. */
const MAX_KEYS = 1_000;

/**
 * A token bucket for each key, kept as the time at which it is full again (GCRA), by the clock of Redis.
 * `rate-limiter-flexible` has windows only: at its end, a window gives its whole number again at once.
 *
 * ARGV, milliseconds: since when the tokens were spent; the longest time until a bucket is full; how long a full bucket is kept;
 * then for each of KEYS the time in which its tokens come back. Tokens count as spent at the begin, so that one instance alone
 * is never limited more than by its own bucket. A time in the past is kept too: otherwise instances that each spend exactly the
 * rate would never add up. Returns the milliseconds until each bucket is full; negative: since then.
 */
const SPEND_SCRIPT = new RedisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left = {}
for i, key in ipairs(KEYS) do
  local before = math.max(tonumber(redis.call('GET', key) or 0), now - ARGV[1])
  left[i] = math.ceil(math.min(before + ARGV[i + 3] - now, ARGV[2]))
  redis.call('SET', key, string.format('%.0f', now + left[i]), 'PX', math.max(left[i], 0) + ARGV[3])
end
return left`);

/**
 * Adds up what all instances have given of the rates of `SharedRates`, once a second and outside of any request: a request
 * never waits for Redis. A key can therefore have up to a second of its rate more on each further instance, which is deducted
 * afterwards. While Redis does not answer, each instance allows the whole rate.
 */
@Injectable()
export class RateSharing implements OnApplicationBootstrap {
  private sharedAtMs = performance.now();

  constructor(
    private readonly redis: Redis,
    private readonly limits: SharedLimits,
    private readonly rates: SharedRates,
    private readonly jobs: BackgroundJobs,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.redis.isConfigured) return;
    this.rates.startSharing();
    this.jobs.start({ name: 'rate-sharing', intervalMs: INTERVAL_MS, run: () => this.share() });
  }

  /** One exchange of all rates. @throws ErrorReply of Redis */
  async share(): Promise<void> {
    const nowMs = performance.now();
    const elapsedS = (nowMs - this.sharedAtMs) / 1_000;
    this.sharedAtMs = nowMs;
    await Promise.all(this.rates.all.map((rate) => this.exchange(rate, elapsedS)));
  }

  private async exchange(rate: SharedRate, elapsedS: number): Promise<void> {
    // Taken during an outage too: what was spent then is of no use later.
    const spent = rate.takeSpent(elapsedS).slice(0, MAX_KEYS);
    if (spent.length === 0 || !this.redis.isUp) return;
    const msPerToken = 1_000 / rate.perSecond;
    const keys = spent.map(([key]) => this.limits.redisKey(rate.name, this.limits.hashOf(key).slice(0, 32)));
    // A key owes two bursts at most: a client that gives each of three instances a burst in turn has about one rate then.
    const maxUntilFullMs = 3 * rate.capacity * msPerToken;
    const spentMs = spent.map(([, count]) => count * msPerToken);
    const values = [elapsedS * 1_000, maxUntilFullMs, FULL_KEPT_MS, ...spentMs];
    const options = { keys, arguments: values.map(String) };
    try {
      const untilFullMs = (await this.redis.run(
        (client) => SPEND_SCRIPT.run(client, options),
        EXCHANGE_TIMEOUT_MS,
      )) as number[];
      spent.forEach(([key], n) => rate.lowerTo(key, rate.capacity - (untilFullMs[n] ?? 0) / msPerToken));
    } catch (error) {
      if (!(error instanceof RedisUnavailableError)) throw error;
    }
  }
}
