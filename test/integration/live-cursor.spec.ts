import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { EventStream } from '../../src/cluster/index.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { randomOf } from '../support/random-fixes.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { type Instance, startTestService, type TestService } from '../support/test-service.js';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const random = randomOf(seed);
const startMs = Date.now() - 3_600_000;
const streamOf = ({ service }: Instance): EventStream => service.app.get(EventStream);

/** A subscriber that changes the instance with its cursor, as after a cut of its connection. */
class HoppingSubscriber {
  readonly seen = new Set<string>();
  hops = 0;
  private cursor = '';
  private socket: Socket | null = null;
  private hopping: Promise<void> = Promise.resolve();
  /** Instances in service. */
  instances: readonly Instance[] = [];

  constructor(private readonly token: string) {}

  hop(): Promise<void> {
    this.hopping = this.hopping.then(() => this.hopNow());
    return this.hopping;
  }

  async close(): Promise<void> {
    await this.hopping;
    this.socket?.close();
  }

  private async hopNow(): Promise<void> {
    this.socket?.close();
    const instance = this.instances[Math.floor(random() * this.instances.length)] as Instance;
    const socket = await connectSocket(instance.socketUrl, '/live', this.token);
    this.socket = socket;
    this.hops += 1;
    socket.on('positions', ({ cursor, items }) => {
      if (socket !== this.socket) return;
      this.cursor = cursor;
      for (const { vehicleId, position } of items) this.seen.add(`${vehicleId} ${position.time}`);
    });
    socket.on('resync', () => socket === this.socket && void this.watch(socket).catch(() => undefined));
    await this.watch(socket);
  }

  private async watch(socket: Socket): Promise<void> {
    const answer = await ask(socket, 'watch', this.cursor === '' ? {} : { since: this.cursor });
    expect(answer).not.toHaveProperty('error');
    if (this.cursor === '') this.cursor = answer.cursor;
  }
}

describeWithRedis('a cursor of /live', () => {
  let redis: RedisServer;
  let one: TestService;
  let other: Instance;
  let isOtherStopped = false;
  let token: string;

  beforeAll(async () => {
    redis = await RedisServer.start();
    one = await startTestService({ REDIS_URL: redis.url, CONNECTIONS_PER_ADDRESS: '1000' });
    other = await one.another();
    token = await adminToken(one);
  });
  afterAll(async () => {
    if (!isOtherStopped) await other.stop();
    await one.stop();
    await redis.stop();
  });
  const areComplete = (count: number) => (): boolean =>
    [one, other].every(
      (each) => streamOf(each).state === 'complete' && streamOf(each).memberIds.size === count,
    );

  it('misses nothing on any instance, while Redis is away, restarts, hangs, and an instance stops', async () => {
    await until(areComplete(1), 'both to read the stream');
    const vehicles = await Promise.all(Array.from({ length: 4 }, () => newVehicle(one, token)));
    const subscriber = new HoppingSubscriber(token);
    subscriber.instances = [one, other];
    await subscriber.hop();

    const acknowledged = new Set<string>();
    let isSending = true;
    let targets: readonly Instance[] = [one, other];
    const senders = vehicles.map(async ({ vehicleId, deviceToken }) => {
      for (let second = 0; isSending; second += 1) {
        // Every fifth fix is late.
        const atS = second % 5 === 4 ? second - 3_000 : second;
        const time = new Date(startMs + atS * 1_000).toISOString();
        const instance = targets[Math.floor(random() * targets.length)] as Instance;
        const body = { positions: [{ lat: 48, lon: 11, time }] };
        const answer = await call(instance, 'POST', '/api/v1/positions', { token: deviceToken, body });
        if (answer.body.stored === 1) acknowledged.add(`${vehicleId} ${time}`);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    });
    const missing = (): string[] => [...acknowledged].filter((each) => !subscriber.seen.has(each));
    const hopFor = async (hops: number): Promise<void> => {
      for (let n = 0; n < hops; n += 1) {
        const count = acknowledged.size + random() * 60;
        await subscriber.hop();
        await until(() => acknowledged.size > count, 'acknowledged positions');
      }
    };

    await hopFor(3);
    await redis.kill();
    await until(() => streamOf(one).state === 'cut' && streamOf(other).state === 'cut', 'the outage');
    await hopFor(4);
    await redis.start();
    await hopFor(4);
    await until(areComplete(1), 'both to read the stream again');
    redis.pause();
    await hopFor(4);
    redis.resume();
    await hopFor(2);
    await until(areComplete(1), 'both to read the stream after the pause');
    targets = [one];
    subscriber.instances = [one];
    await subscriber.hop();
    isOtherStopped = true;
    await other.stop();
    await hopFor(2);
    isSending = false;
    await Promise.all(senders);
    await until(
      () => missing().length === 0,
      `seed ${seed}: ${missing().length} of ${acknowledged.size} positions`,
    ).catch((error: unknown) => {
      throw new Error(`seed ${seed}: missing ${missing().slice(0, 5).join(', ')}`, { cause: error });
    });
    await subscriber.close();
    expect([acknowledged.size > 200, subscriber.hops > 15]).toEqual([true, true]);
  });
});
