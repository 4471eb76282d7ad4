/**
 * Boxes: posts at a fixed rate, each on a new connection, as the old boxes do. The argument is JSON:
 * {url, count?, perSecond?, pictures?, addresses?, timeoutMs}. With `count`, it ends after so many posts; else at the message
 * {stop: true}. Sends {sent, failed, errors, latenciesMs, unordered} at the end.
 */
import { Buffer } from 'node:buffer';
import { request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers';

const {
  url,
  count = Infinity,
  perSecond,
  concurrency = 20,
  kind = 'position',
  addresses = [],
  prefix = '',
  timeoutMs = 5_000,
} = JSON.parse(process.argv[2]);
const PATHS = {
  position: '/api/tracking/postAmbulanceTracking',
  pictures: '/api/snapshot/postAmbulanceImageUpload',
};
const picture = Buffer.alloc(20_000, 7);
const form = Buffer.concat(
  ['CAM1', 'CAM2']
    .flatMap((name) => [
      Buffer.from(
        `--b\r\nContent-Disposition: form-data; name="${name}"; filename="${name}.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`,
      ),
      picture,
      Buffer.from('\r\n'),
    ])
    .concat(Buffer.from('--b--\r\n')),
);
const body =
  kind === 'pictures'
    ? form
    : Buffer.from('ambulance_id=291&tracking_latitude=13.7&tracking_longitude=100.5');
const type = kind === 'pictures' ? 'multipart/form-data; boundary=b' : 'application/x-www-form-urlencoded';

const result = { sent: 0, failed: 0, errors: {}, latenciesMs: [], colors: {} };
let isStopped = false;
const fail = (why) => {
  result.failed += 1;
  result.errors[why] = (result.errors[why] ?? 0) + 1;
};

function post(sequence) {
  const startMs = performance.now();
  const address = addresses[sequence % addresses.length];
  return new Promise((settle) => {
    const outgoing = request(url + PATHS[kind], {
      method: 'POST',
      agent: false,
      timeout: timeoutMs,
      headers: {
        ...{ 'content-type': type, 'content-length': body.length, 'x-sequence': `${prefix}${sequence}` },
        ...(address && { 'x-real-ip': address }),
      },
    });
    outgoing.on('response', (response) => {
      response.resume();
      response.on('end', () => {
        result.latenciesMs.push(performance.now() - startMs);
        const header = response.headers['x-samserver-color'];
        const color = ['blue', 'green'].includes(header) ? header : 'direct';
        result.colors[color] = (result.colors[color] ?? 0) + 1;
        if (response.statusCode !== 200) fail(`status ${response.statusCode}`);
        settle();
      });
      response.on('error', (error) => (fail(error.code ?? error.message), settle()));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('time-out')));
    outgoing.on('error', (error) => (fail(error.code ?? error.message), settle()));
    outgoing.end(body);
  });
}

process.on('message', () => (isStopped = true));
process.on('disconnect', () => process.exit());
if (perSecond === undefined) {
  const worker = async () => {
    while (!isStopped && result.sent < count) await post(result.sent++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
} else {
  const startMs = performance.now();
  const posts = [];
  while (!isStopped && result.sent < count) {
    const due = ((performance.now() - startMs) / 1_000) * perSecond;
    while (result.sent < Math.min(due, count)) posts.push(post(result.sent++));
    await new Promise((settle) => setTimeout(settle, 5));
  }
  await Promise.all(posts);
}
process.send(result, () => process.exit());
