/**
 * The clients of the benches, as a child process: `Clients` of `clients.mjs` is its other end. They cost little, so that they
 * do not take the processor time that the measured programs need: requests and frames are bytes on plain TCP connections,
 * and only the counts of an answer are read.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { KINDS } from './client-kinds.mjs';
import { at, round, sortedNumbers } from './statistics.mjs';

const OPEN_AT_ONCE = 50;
const ARRIVAL_LIMIT_MS = 5_000;

/** What happened during one load. */
class Tally {
  requests = 0;
  done = 0;
  refused = 0;
  codes = {};
  latenciesMs = [];

  /** @param sinceMs when the client had the request */
  async count(request, sinceMs) {
    const { done, refused = 0, code } = await request;
    this.latenciesMs.push(performance.now() - sinceMs);
    this.requests += 1;
    this.done += done;
    this.refused += refused;
    if (code !== undefined) this.codes[code] = (this.codes[code] ?? 0) + refused;
  }

  result(seconds) {
    const sorted = sortedNumbers(this.latenciesMs);
    const mean = sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length;
    const ms = (share) => round(at(sorted, share) ?? NaN, 2);
    return {
      seconds,
      requests: this.requests,
      done: this.done,
      refused: this.refused,
      codes: this.codes,
      latencyMs: { mean: round(mean, 2), p50: ms(0.5), p95: ms(0.95), p99: ms(0.99), max: ms(1) },
    };
  }
}

/** Each of `inFlight` workers sends its next request when the one before is answered, and uses its clients in turn. */
async function closedLoop(clients, { seconds, inFlight, ...load }) {
  const tally = new Tally();
  const startMs = performance.now();
  const endMs = startMs + seconds * 1_000;
  const work = async (first) => {
    let n = first;
    for (let nowMs = startMs; nowMs < endMs; nowMs = performance.now()) {
      await tally.count(clients[n].next(load), nowMs);
      n = n + inFlight < clients.length ? n + inFlight : first;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, n) => work(n % clients.length)));
  return tally.result((performance.now() - startMs) / 1_000);
}

/**
 * The clients send in turn, `perSecond` requests together, whether or not the ones before are answered, so that a service
 * that is too slow cannot hide it. A request that waits for the answer to the one before of its connection is late already.
 */
async function openLoop(clients, { seconds, perSecond, ...load }) {
  const tally = new Tally();
  const startMs = performance.now();
  const open = [];
  const count = Math.round(seconds * perSecond);
  for (let n = 0; n < count; n += 1) {
    const dueMs = startMs + (n / perSecond) * 1_000;
    while (performance.now() < dueMs) await sleep(Math.max(1, dueMs - performance.now()));
    open.push(tally.count(clients[n % clients.length].next(load), performance.now()));
  }
  await Promise.all(open);
  await sleep(Math.max(0, startMs + seconds * 1_000 - performance.now()));
  return tally.result((performance.now() - startMs) / 1_000);
}

async function openAll(clients) {
  for (let n = 0; n < clients.length; n += OPEN_AT_ONCE)
    await Promise.all(clients.slice(n, n + OPEN_AT_ONCE).map((client) => client.open()));
}

/** Waits until the watchers have all positions. @param done number of the positions @param copies watchers of each position */
async function arrivalsOf(watchers, done, copies = watchers.length) {
  const expected = done * copies;
  const deliveries = () => watchers.reduce((sum, watcher) => sum + watcher.deliveries, 0);
  const endMs = performance.now() + ARRIVAL_LIMIT_MS;
  while (deliveries() < expected && performance.now() < endMs) await sleep(10);
  const sorted = sortedNumbers(watchers.flatMap(({ latenciesMs }) => latenciesMs));
  return {
    deliveries: deliveries(),
    missing: expected - deliveries(),
    latencyMs: { p50: at(sorted, 0.5), p99: at(sorted, 0.99) },
  };
}

const LOOPS = { closedLoop, openLoop };
const groups = new Map();
const COMMANDS = {
  /** Each address is a client; the positions of a device continue from one load to the next. */
  define: ({ group, kind, addresses }) => {
    groups.set(
      group,
      addresses.map((address, n) => new KINDS[kind](address, n)),
    );
  },
  open: ({ group, first }) => openAll(clientsOf(group, first)),
  load: async ({ group, first, watchers, copies, loop, ...load }) => {
    const result = await LOOPS[loop](clientsOf(group, first), { batch: 1, ...load });
    return watchers
      ? { ...result, seen: await arrivalsOf(clientsOf(watchers), result.done, copies) }
      : result;
  },
  close: ({ group, first }) => clientsOf(group, first).forEach((client) => client.close()),
};

/** @param first number of clients of the group that are used; by default all */
function clientsOf(group, first) {
  return groups.get(group).slice(0, first);
}

process.on('disconnect', () => process.exit());
process.on('message', async ({ command, ...args }) => {
  try {
    process.send({ result: (await COMMANDS[command](args)) ?? null });
  } catch (error) {
    process.send({ error: error.stack });
  }
});
process.send('ready');
