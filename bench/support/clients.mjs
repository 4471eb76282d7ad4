/**
 * The clients of the benches, as a child process: `Clients` of `load.mjs` is its other end. They cost little, so that they
 * do not take the processor time that the measured programs need: requests and frames are bytes on plain TCP connections,
 * and only the counts of an answer are read.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawWebSocket } from '../raw-websocket.mjs';
import { Drive } from './positions.mjs';
import { RawHttp } from './raw-http.mjs';
import { at, round, sortedNumbers } from './statistics.mjs';

const OPEN_AT_ONCE = 50;
const READING_WATCHERS = 5;
const ARRIVAL_LIMIT_MS = 5_000;

/** What each kind of client does: `open` resolves when it is connected, `next` sends one request and resolves to counts. */
const KINDS = {
  /** A device that posts positions. */
  http: class {
    constructor({ port, token }, n) {
      this.port = port;
      this.drive = new Drive(n);
      this.head = `POST /api/v1/positions HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: `;
    }

    async open() {
      this.http = new RawHttp(this.port);
      await this.http.opened;
    }

    async next(load) {
      const body = `{"positions":[${fixes(this.drive, load).join()}]}`;
      const answer = await this.http.send(`${this.head}${body.length}\r\n\r\n${body}`);
      return verdictsOf(answer.body.latin1Slice(), load.batch);
    }

    close() {
      this.http.close();
    }
  },

  /** A device with a Socket.IO connection over WebSocket. */
  socket: class {
    #nextId = 0;
    #waiting = new Map();

    constructor({ port, token }, n) {
      this.port = port;
      this.token = token;
      this.drive = new Drive(n);
    }

    async open() {
      this.ws = await openNamespace(this.port, '/devices', this.token, (text) => this.#take(text));
      this.ws.onClose = () => this.#waiting.forEach(({ reject }) => reject(new Error('a socket was closed')));
    }

    async next(load) {
      const id = this.#nextId;
      this.#nextId += 1;
      const some = fixes(this.drive, load);
      const event =
        load.batch === 1 ? `["position",${some[0]}]` : `["positions",{"positions":[${some.join()}]}]`;
      const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
      this.ws.sendText(`42/devices,${id}${event}`);
      return verdictsOf(await answer, load.batch);
    }

    close() {
      this.ws.onClose = () => undefined;
      this.ws.cut();
    }

    #take(text) {
      if (!text.startsWith('43/devices,')) return;
      const start = text.indexOf('[');
      const id = Number(text.slice('43/devices,'.length, start));
      const { resolve } = this.#waiting.get(id);
      this.#waiting.delete(id);
      resolve(text.slice(start + 1, -1));
    }
  },

  /** A tracking box of the old server. */
  box: class {
    constructor({ port, token }, n) {
      this.port = port;
      this.token = token;
      this.drive = new Drive(n);
      this.head = `POST /api/tracking/postAmbulanceTracking HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: `;
    }

    async open() {
      this.http = new RawHttp(this.port);
      await this.http.opened;
    }

    async next() {
      const { lat, lon, speedMps, headingDeg } = JSON.parse(this.drive.next());
      const body = `{"ambulance_id":"${this.token}","tracking_latitude":"${lat}","tracking_longitude":"${lon}","tracking_speed":"${speedMps}","tracking_heading":"${headingDeg}"}`;
      const { status } = await this.http.send(`${this.head}${body.length}\r\n\r\n${body}`);
      return status === 200 ? { done: 1 } : { done: 0, refused: 1, code: String(status) };
    }

    close() {
      this.http.close();
    }
  },

  /** A subscriber of all vehicles. The first ones read the positions; the others only count them. */
  watcher: class {
    deliveries = 0;
    latenciesMs = [];

    constructor({ port, token }, n) {
      this.port = port;
      this.token = token;
      this.isReader = n < READING_WATCHERS;
    }

    async open() {
      this.deliveries = 0;
      this.latenciesMs = [];
      let joined = () => undefined;
      const watching = new Promise((resolve) => (joined = resolve));
      this.ws = await openNamespace(this.port, '/live', this.token, (text) =>
        text.startsWith('43/live,') ? joined() : this.#take(text),
      );
      this.ws.sendText('42/live,0["watch",{}]');
      await watching;
    }

    close() {
      this.ws.onClose = () => undefined;
      this.ws.cut();
    }

    #take(text) {
      if (text.startsWith('42/live,["resync"')) throw new Error(`a watcher got ${text}`);
      if (!text.startsWith('42/live,["positions"')) return;
      const nowMs = Date.now();
      if (!this.isReader) {
        for (let from = 0; (from = text.indexOf('"vehicleId"', from) + 1) > 0;) this.deliveries += 1;
        return;
      }
      const [, { items }] = JSON.parse(text.slice('42/live,'.length));
      this.deliveries += items.length;
      // The newest fix of a report has the time at which the report was sent.
      const newest = new Map(items.map(({ vehicleId, position }) => [vehicleId, position.time]));
      for (const time of newest.values()) this.latenciesMs.push(nowMs - Date.parse(time));
    }
  },

  /** A reader of one address. `token` is optional. */
  get: class {
    constructor({ port, path, token }) {
      this.port = port;
      const authorization = token ? `Authorization: Bearer ${token}\r\n` : '';
      this.request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${authorization}\r\n`;
    }

    async open() {
      this.http = new RawHttp(this.port);
      await this.http.opened;
    }

    async next() {
      const { status } = await this.http.send(this.request);
      return status === 200 ? { done: 1 } : { done: 0, refused: 1, code: String(status) };
    }

    close() {
      this.http.close();
    }
  },
};

function fixes(drive, { batch, isRealTime }) {
  if (isRealTime) {
    const nowMs = Date.now();
    return Array.from({ length: batch }, (_, n) => drive.now(nowMs - (batch - 1 - n)));
  }
  return Array.from({ length: batch }, () => drive.next());
}

/** Reads the counts of `ReportAnswer`; an answer without them, or with another verdict, counts as refused. */
function verdictsOf(text, batch) {
  const stored = Number(/"stored":(\d+)/.exec(text)?.[1] ?? 0);
  if (stored === batch) return { done: batch };
  const code = /"code":"([^"]*)"/.exec(text)?.[1] ?? 'not stored';
  return { done: stored, refused: batch - stored, code };
}

/** Opens a WebSocket and joins a namespace of Socket.IO. */
async function openNamespace(port, namespace, token, onText) {
  const ws = new RawWebSocket({ port });
  await new Promise((resolve, reject) => {
    ws.onClose = () => reject(new Error(`${namespace}: the server closed the connection`));
    ws.onText = (text) => {
      if (text[0] === '0') ws.sendText(`40${namespace},${JSON.stringify({ token })}`);
      else if (text === '2') ws.sendText('3');
      else if (text.startsWith(`40${namespace}`)) resolve();
      else if (text.startsWith('44')) reject(new Error(text));
      else onText(text);
    };
  });
  return ws;
}

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

/** Waits until all watchers have all positions. @param done number of the positions */
async function arrivalsOf(watchers, done) {
  const expected = done * watchers.length;
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
  load: async ({ group, first, watchers, loop, ...load }) => {
    const result = await LOOPS[loop](clientsOf(group, first), { batch: 1, ...load });
    return watchers ? { ...result, seen: await arrivalsOf(clientsOf(watchers), result.done) } : result;
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
