import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { freePorts } from '../support/child-process.js';
import { until } from '../support/sockets.js';
import { type Arrival, Boxes, ColorServer, describeWith, Nginx } from './support/front-door.js';

const SECRET = 'mirror-secret-of-the-test-0123456789abcdef';
const TRACKING = '/api/tracking/postAmbulanceTracking';
const BOXES = Array.from({ length: 16 }, (_, n) => `203.0.113.${n + 1}`);

const describeNginx = await describeWith({ nginx: ['/usr/sbin/nginx', '-v'] });

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

describeNginx('the front door in nginx', () => {
  let nginx: Nginx;
  let blue: ColorServer;
  let green: ColorServer;
  let colors: readonly string[];

  beforeAll(async () => {
    blue = await ColorServer.start('blue', await freePorts());
    green = await ColorServer.start('green', await freePorts());
    colors = ['--blue', blue.addresses, '--green', green.addresses];
    nginx = await Nginx.start();
    await writeFile(`${nginx.directory}/secret`, `${SECRET}\n`, { mode: 0o600 });
    await nginx.apply(...colors, '--share', 'none', '--mirror-secret-file', `${nginx.directory}/secret`);
  });
  afterAll(async () => {
    blue.stop();
    green.stop();
    await nginx.close();
  });
  beforeEach(async () => {
    await Promise.all([blue.ledger(), green.ledger()]);
  });

  function ask(
    path: string,
    options: {
      method?: string;
      headers?: Record<string, string>;
      body?: string;
      port?: number;
      localAddress?: string;
    } = {},
  ): Promise<Answer> {
    const { method = 'POST', headers = {}, body = 'ambulance_id=1', port = nginx.ports.http } = options;
    const { localAddress } = options;
    return new Promise((resolve, reject) => {
      const outgoing = request({
        ...{ host: '127.0.0.1', port, path, method, headers, agent: false },
        ...(localAddress !== undefined && { localAddress }),
      });
      outgoing.on('response', (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      });
      outgoing.on('error', reject);
      outgoing.end(method === 'GET' ? undefined : body);
    });
  }

  /** The ledger, when it has `count` posts. */
  async function arrivals(server: ColorServer, count: number): Promise<Arrival[]> {
    const all: Arrival[] = [];
    await until(async () => {
      all.push(...(await server.ledger()));
      return all.length >= count;
    }, `${count} requests`);
    return all;
  }

  const sequences = (list: readonly Arrival[]): string[] =>
    list.map(({ headers }) => String(headers['x-sequence'])).sort();

  it('shares posts by address: none, one, half, all and back under load, and each is answered', async () => {
    await nginx.apply('--share', 'none', '--mirror', 'on');
    const load = Boxes.start({ url: nginx.url, perSecond: 100, addresses: BOXES, prefix: 'p' });
    const pictures = Boxes.start({
      ...{ url: nginx.url, perSecond: 20, addresses: BOXES, kind: 'pictures', prefix: 'i' },
    });
    const [blues, greens]: [Arrival[], Arrival[]] = [[], []];
    const collect = async (): Promise<void> => {
      blues.push(...(await blue.ledger()));
      greens.push(...(await green.ledger()));
    };
    for (const share of ['one', 'half', 'all', 'half', 'one', 'none']) {
      await nginx.apply('--share', share, '--box-addresses', BOXES[2] ?? '');
      const seen = greens.length + blues.length;
      await until(async () => (await collect(), greens.length + blues.length > seen + 60), 'posts');
    }
    const results = [await load.stop(), await pictures.stop()];
    await collect();
    for (const { failed, errors } of results) expect({ failed, errors }).toEqual({ failed: 0, errors: {} });
    // Each post was answered by one color; blue's were mirrored to green.
    const direct = greens.filter(({ headers }) => headers['x-samserver-mirror'] === undefined);
    const mirrored = greens.filter(({ headers }) => headers['x-samserver-mirror'] === SECRET);
    const sent = [
      ...Array.from({ length: results[0]?.sent ?? 0 }, (_, n) => `p${n}`),
      ...Array.from({ length: results[1]?.sent ?? 0 }, (_, n) => `i${n}`),
    ].sort();
    expect(sequences([...blues, ...direct])).toEqual(sent);
    await until(async () => {
      await collect();
      return greens.length >= sent.length;
    }, 'the last mirrored posts');
    expect(
      sequences([...direct, ...greens.filter(({ headers }) => headers['x-samserver-mirror'] === SECRET)]),
    ).toEqual(sent);
    expect(mirrored.length).toBeGreaterThan(0);
    expect(direct.length).toBeGreaterThan(0);
    // A post and its copy are the same, byte for byte, and have one request id.
    const originals = new Map(blues.map((each) => [each.headers['x-sequence'], each]));
    for (const copy of mirrored) {
      const original = originals.get(copy.headers['x-sequence']);
      expect(copy.sha256).toBe(original?.sha256);
      expect(copy.headers['x-samserver-request-id']).toBe(original?.headers['x-samserver-request-id']);
      expect(copy.url).toBe(original?.url);
    }
  });

  it('keeps a box on its color, and about half of many addresses on green', async () => {
    await nginx.apply('--share', 'half', '--mirror', 'off', '--box-addresses', '203.0.113.7,2001:db8::/32');
    const colorOf = async (address: string): Promise<unknown> =>
      (await ask(TRACKING, { headers: { 'x-real-ip': address } })).headers['x-samserver-color'];
    const addresses = Array.from({ length: 200 }, (_, n) => `198.51.100.${n}`);
    const first = await Promise.all(addresses.map(colorOf));
    const greens = first.filter((color) => color === 'green').length;
    expect(greens).toBeGreaterThan(60);
    expect(greens).toBeLessThan(140);
    await nginx.apply('--mirror', 'on');
    expect(await Promise.all(addresses.map(colorOf))).toEqual(first);
    expect(await colorOf('203.0.113.7')).toBe('green');
    expect(await colorOf('2001:db8::17')).toBe('green');
  });

  it('removes forged headers of clients on every path, and trusts an address from the loopback only', async () => {
    const forged = {
      'X-Samserver-Mirror': SECRET,
      'x-samserver-request-id': 'forged',
      X_Samserver_Mirror: SECRET,
      'X-Forwarded-For': '192.0.2.99',
    };
    for (const share of ['none', 'all'])
      for (const [path, method] of [
        [TRACKING, 'POST'],
        ['/API/tracking/postambulancetracking/', 'POST'],
        ['/socket.io/?transport=polling', 'POST'],
        ['/', 'GET'],
      ] as const)
        for (const port of [nginx.ports.http, nginx.ports.sockets]) {
          await nginx.apply('--share', share, '--mirror', 'off');
          await ask(path, { method, headers: forged, port, localAddress: '127.0.0.9' });
        }
    const all = [...(await blue.ledger()), ...(await green.ledger())];
    expect(all).toHaveLength(16);
    for (const { headers } of all) {
      expect(JSON.stringify(headers)).not.toContain(SECRET);
      expect(headers['x-samserver-request-id']).toMatch(/^[0-9a-f]{32}$/);
      expect(headers['x-forwarded-for']).toBe('127.0.0.9');
      expect(headers['x-real-ip']).toBe('127.0.0.9');
    }
    // Also in the mirrored copy: nginx's own values.
    await nginx.apply('--share', 'none', '--mirror', 'on');
    await ask(TRACKING, {
      headers: { ...forged, 'X-Samserver-Mirror': 'guessed' },
      localAddress: '127.0.0.9',
    });
    const [copy] = await arrivals(green, 1);
    expect(copy?.headers['x-samserver-mirror']).toBe(SECRET);
    expect(copy?.headers['x-samserver-request-id']).toMatch(/^[0-9a-f]{32}$/);
    expect(copy?.headers['x-real-ip']).toBe('127.0.0.9');
  });

  it('sends everything but the posts of boxes to blue, except for test panels', async () => {
    await nginx.apply('--share', 'all', '--mirror', 'on', '--panels', '192.0.2.50');
    const color = async (path: string, method: string, address: string): Promise<unknown> =>
      (await ask(path, { method, headers: { 'x-real-ip': address } })).headers['x-samserver-color'];
    expect(await color(TRACKING, 'POST', '192.0.2.1')).toBe('green');
    expect(await color('/', 'GET', '192.0.2.1')).toBe('blue');
    expect(await color('/uploads/ambulance_images/1/a.jpg', 'GET', '192.0.2.1')).toBe('blue');
    expect(await color('/', 'GET', '192.0.2.50')).toBe('green');
    await nginx.apply('--share', 'none', '--panels', '');
  });

  it.each([
    ['none', 'blue', 'green'],
    ['all', 'green', 'blue'],
  ])('share %s: a post that %s refuses goes to %s, once', async (share, _own, other) => {
    await nginx.apply('--share', share, '--mirror', 'off');
    const [own, fallback] = share === 'none' ? [blue, green] : [green, blue];
    await own.close();
    const answer = await ask(TRACKING);
    expect(answer).toMatchObject({ status: 200, headers: { 'x-samserver-color': other } });
    expect(await fallback.ledger()).toHaveLength(1);
    // The first accepted connection brings its posts back.
    await own.open();
    expect((await ask(TRACKING)).headers['x-samserver-color']).not.toBe(other);
  });

  it('does not repeat a post whose connection is cut in the middle, and answers 503', async () => {
    for (const share of ['none', 'all']) {
      await nginx.apply('--share', share, '--mirror', 'off');
      const [own, other] = share === 'none' ? [blue, green] : [green, blue];
      await own.behave('cut');
      const answer = await ask(TRACKING);
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'storage/unavailable' });
      expect(await own.ledger()).toHaveLength(1);
      expect(await other.ledger()).toEqual([]);
      await own.behave('ok');
    }
  });

  it('gives 503 with a retry hint and no address when both refuse', async () => {
    await nginx.apply('--share', 'none', '--mirror', 'on');
    await Promise.all([blue.close(), green.close()]);
    const answer = await ask(TRACKING);
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    expect(JSON.stringify(answer)).not.toMatch(/127\.0\.0\.1/);
    expect(answer.headers).not.toHaveProperty('x-samserver-color');
    await Promise.all([blue.open(), green.open()]);
  });

  it('records posts that green did not take, and no others', async () => {
    await nginx.apply('--share', 'none', '--mirror', 'on');
    const failures = async (): Promise<string[]> =>
      (await nginx.log('samserver-mirror-failed.log')).split('\n').filter((line) => line !== '');
    await ask(TRACKING);
    await arrivals(green, 1);
    const before = (await failures()).length;
    await green.close();
    expect((await ask(TRACKING)).status).toBe(200);
    await until(async () => (await failures()).length === before + 1, 'the line of the failed copy');
    await green.open();
    expect((await ask(TRACKING)).status).toBe(200);
    await arrivals(green, 1);
    const [line = '{}'] = (await failures()).slice(before);
    expect(JSON.parse(line)).toMatchObject({ path: TRACKING, backendStatus: '502' });
    expect(await failures()).toHaveLength(before + 1);
  });

  it('answers at once while green hangs, and leaves connections for clients', async () => {
    await nginx.apply('--share', 'none', '--mirror', 'on');
    await green.behave('slow');
    const { failed, errors, latenciesMs } = await Boxes.start({
      ...{ url: nginx.url, count: 600, perSecond: 200, timeoutMs: 3_000 },
    }).ended();
    await green.behave('ok');
    expect({ failed, errors }).toEqual({ failed: 0, errors: {} });
    expect(Math.max(...latenciesMs)).toBeLessThan(1_000);
  });

  it('spools a large body and copies it byte for byte', async () => {
    await nginx.apply('--share', 'none', '--mirror', 'on');
    const body = 'x'.repeat(5_000_000);
    expect((await ask('/api/snapshot/postAmbulanceImageUpload', { body })).status).toBe(200);
    const [[original], [copy]] = [await arrivals(blue, 1), await arrivals(green, 1)];
    expect(original?.sizeBytes).toBe(5_000_000);
    expect(copy?.sha256).toBe(original?.sha256);
  });

  it('passes WebSockets through, which survive a change of the plan', async () => {
    await nginx.apply('--share', 'none');
    const socket = connect(nginx.ports.sockets, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    socket.write('GET /socket.io/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    await until(() => received.includes('101 Switching'), 'the upgrade');
    expect(received.toLowerCase()).toContain('x-samserver-color: blue');
    await nginx.apply('--share', 'half');
    socket.write('still-here');
    await until(() => received.endsWith('still-here'), 'the echo');
    socket.destroy();
  });

  it('keeps the secret out of the include, the logs and the output, in a file for root alone', async () => {
    const outputs = [
      await nginx.apply('--mirror', 'on', '--mirror-secret-file', `${nginx.directory}/secret`),
      (await nginx.command('apply', '--dry-run', '--json')).output,
      (await nginx.command('apply', '--dry-run')).output,
      (await nginx.command('status')).output,
      (await nginx.command('remove', '--dry-run')).output,
    ];
    await ask(`${TRACKING}?token=private-value`);
    await arrivals(green, 1);
    for (const name of ['samserver-front-door.log', 'samserver-mirror-failed.log', 'error.log'])
      outputs.push(await nginx.log(name));
    outputs.push(
      await nginx.log('front-door/front-door.conf'),
      await nginx.log('front-door/front-door.blue-only'),
    );
    for (const text of outputs) expect(text).not.toMatch(new RegExp(`${SECRET}|private-value`));
    expect((await stat(`${nginx.frontDoor}/mirror-secret.header`)).mode & 0o777).toBe(0o600);
    await writeFile(`${nginx.directory}/short`, 'pass"word;');
    const refused = await nginx.command('apply', '--mirror-secret-file', `${nginx.directory}/short`);
    expect(refused.code).toBe(64);
    expect(refused.output).toContain('32 to 200');
    expect(refused.output).not.toContain('pass"word');
  });

  it('changes nothing when the plan is in force already', async () => {
    await nginx.apply('--share', 'half');
    const log = await nginx.log('error.log');
    expect(await nginx.apply('--share', 'half')).toContain('was in force already');
    expect(await nginx.log('error.log')).toBe(log);
  });

  it('goes back when nginx refuses the file, and when it does not use it', async () => {
    await nginx.apply('--share', 'none');
    const include = await nginx.log('front-door/front-door.conf');
    const expectUnchanged = async (): Promise<void> => {
      expect(await nginx.log('front-door/front-door.conf')).toBe(include);
      expect((await nginx.command('status')).output).toContain('share none');
      expect((await ask(TRACKING)).headers['x-samserver-color']).toBe('blue');
    };
    await writeFile(`${nginx.directory}/broken`, '');
    const refused = await nginx.command('apply', '--share', 'all');
    await nginx.unbreak();
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.output).toContain('nginx refuses the configuration');
    await expectUnchanged();
    // nginx -t does not detect a port that is in use; the reload fails then.
    const [, port = ''] = /:(\d+),/.exec(blue.addresses) ?? [];
    const { sockets, status } = nginx.ports;
    const unused = await nginx.command('apply', '--ports', `${port},${sockets},${status}`, '--share', 'all');
    expect(unused).toMatchObject({ code: 1 });
    expect(unused.output).toContain('does not use the new configuration');
    await expectUnchanged();
  });

  it('refuses a second command at the same time', async () => {
    const ends = await Promise.all([
      nginx.command('apply', '--share', 'one', '--box-addresses', '203.0.113.1'),
      nginx.command('apply', '--share', 'half'),
      nginx.command('remove'),
    ]);
    const codes = ends.map(({ code }) => code).sort();
    expect(codes).toContain(75);
    expect(codes.filter((code) => code === 0).length).toBeGreaterThanOrEqual(1);
    expect((await nginx.command('status')).code).not.toBe(64);
  });

  it('sends everything to blue with `remove`', async () => {
    await nginx.apply('--share', 'all', '--mirror', 'on');
    expect((await nginx.command('remove')).output).toContain('nginx: all to blue');
    expect((await ask(TRACKING)).headers['x-samserver-color']).toBe('blue');
    await blue.close();
    expect((await ask(TRACKING)).status).toBe(503);
    await blue.open();
    expect(await green.ledger()).toEqual([]);
  });
});
