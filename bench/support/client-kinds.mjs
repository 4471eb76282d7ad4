/** The kinds of clients of the benches. */
import { RawWebSocket } from '../raw-websocket.mjs';
import { Drive } from './positions.mjs';
import { RawHttp } from './raw-http.mjs';

const READING_WATCHERS = 5;

/** What each kind of client does: `open` resolves when it is connected, `next` sends one request and resolves to counts. */
export const KINDS = {
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

    /** @param address `vehicleIds`: those to watch, by default all */
    constructor({ port, token, vehicleIds }, n) {
      this.port = port;
      this.token = token;
      this.filter = { vehicleIds };
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
      this.ws.sendText(`42/live,0${JSON.stringify(['watch', this.filter])}`);
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

/**
 * Opens a WebSocket and joins a namespace of Socket.IO.
 * @param onText gets the later texts, without pings
 * @returns the WebSocket; without the namespace it rejects, with `rejection`: the text of a refusal by the server
 */
export async function openNamespace(port, namespace, token, onText) {
  const ws = new RawWebSocket({ port });
  await new Promise((resolve, reject) => {
    ws.onClose = () => reject(new Error(`${namespace}: the server closed the connection`));
    ws.onText = (text) => {
      if (text[0] === '0') ws.sendText(`40${namespace},${JSON.stringify({ token })}`);
      else if (text === '2') ws.sendText('3');
      else if (text.startsWith(`40${namespace}`)) resolve();
      else if (text.startsWith('44')) {
        reject(Object.assign(new Error(text), { rejection: text }));
        ws.cut();
      } else onText(text);
    };
  });
  return ws;
}
