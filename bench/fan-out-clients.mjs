/** The devices and watchers of `fan-out.mjs`, as its child process: one clock gives both ends of a latency. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';

const CONNECT_AT_ONCE = 20;
const ANSWER_LIMIT_MS = 30_000;
const ARRIVAL_LIMIT_MS = 20_000;
const groups = new Map();

/** Opens the devices of a group to its first instance and the watchers to its last one. */
async function connect({ index, first, last, tokens, watchers }) {
  const group = new Group(tokens.vehicleIds, watchers);
  for (let n = 0; n < tokens.devices.length; n += CONNECT_AT_ONCE) {
    const opening = tokens.devices
      .slice(n, n + CONNECT_AT_ONCE)
      .map((token) => open(first, 'devices', token));
    for (const socket of await Promise.all(opening)) group.devices.push({ socket, fixes: 0 });
  }
  for (let n = 0; n < watchers; n += 1) {
    const watcher = await open(last, 'live', tokens.user);
    watcher.on('positions', ({ items }) => group.take(items));
    watcher.on('resync', ({ reason }) => process.send({ error: `resync ${reason}` }));
    await watcher.emitWithAck('watch', {});
  }
  groups.set(index, group);
  return {};
}

/** Each device sends once a second, spread over the second. Resolves when the watchers have all of it. */
async function load({ index, seconds, load: { devices, batch } }) {
  const group = groups.get(index);
  group.begin();
  const startMs = performance.now();
  const report = async (n) => {
    for (let second = 0; second < seconds; second += 1) {
      await sleep(Math.max(0, startMs + (second + n / devices) * 1_000 - performance.now()));
      await group.report(n, batch);
    }
  };
  await Promise.all([...Array(devices).keys()].map(report));
  await sleep(Math.max(0, startMs + seconds * 1_000 - performance.now()));
  return group.end();
}

class Group {
  devices = [];
  #vehicleIds;
  #watchers;
  #startTimeMs = Date.now() - 6 * 3_600_000;
  #sentAtMs = new Map();
  #latenciesMs = [];
  #acknowledgedMs = [];

  constructor(vehicleIds, watchers) {
    this.#vehicleIds = vehicleIds;
    this.#watchers = watchers;
  }

  begin() {
    this.#sentAtMs.clear();
    this.#latenciesMs = [];
    this.#acknowledgedMs = [];
  }

  async report(n, batch) {
    const device = this.devices[n];
    const sentAtMs = performance.now();
    const positions = Array.from({ length: batch }, () => {
      device.fixes += 1;
      const timeMs = this.#startTimeMs + device.fixes * 1_000;
      this.#sentAtMs.set(`${this.#vehicleIds[n]} ${timeMs}`, sentAtMs);
      return { lat: 48 + device.fixes * 1e-5, lon: 11, time: new Date(timeMs).toISOString() };
    });
    const socket = device.socket.timeout(ANSWER_LIMIT_MS);
    const { stored, error } =
      batch === 1
        ? await socket.emitWithAck('position', positions[0])
        : await socket.emitWithAck('positions', { positions });
    if (stored !== batch) throw new Error(`${stored} of ${batch} stored: ${JSON.stringify(error)}`);
    this.#acknowledgedMs.push(performance.now() - sentAtMs);
  }

  take(items) {
    const nowMs = performance.now();
    for (const { vehicleId, position } of items) {
      const sentAtMs = this.#sentAtMs.get(`${vehicleId} ${Date.parse(position.time)}`);
      if (sentAtMs !== undefined) this.#latenciesMs.push(nowMs - sentAtMs);
    }
  }

  async end() {
    const sent = this.#sentAtMs.size;
    const expected = sent * this.#watchers;
    const endMs = performance.now() + ARRIVAL_LIMIT_MS;
    while (this.#latenciesMs.length < expected) {
      if (performance.now() > endMs)
        throw new Error(`watchers got ${this.#latenciesMs.length} of ${expected} positions`);
      await sleep(20);
    }
    return { sent, latenciesMs: this.#latenciesMs, acknowledgedMs: this.#acknowledgedMs };
  }
}

function open(port, namespace, token) {
  const socket = io(`http://127.0.0.1:${port}/${namespace}`, {
    transports: ['websocket'],
    forceNew: true,
    auth: { token },
  });
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('connect_error', reject);
  });
}

process.on('disconnect', () => process.exit());
process.on('message', (message) =>
  (message.kind === 'connect' ? connect : load)(message).then(
    (answer) => process.send(answer),
    (error) => process.send({ error: String(error) }),
  ),
);
process.send('ready');
