import { expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { until } from '../support/sockets.js';
import { type Arrival, Boxes, describeWith } from './support/front-door.js';
import { FrontDoorStack, SECRET, TRACKING } from './support/front-door-nginx.js';

const BOXES = Array.from({ length: 16 }, (_, n) => `203.0.113.${n + 1}`);

const describeNginx = await describeWith({ nginx: ['/usr/sbin/nginx', '-v'] });

describeNginx('the front door in nginx', () => {
  const stack = FrontDoorStack.forTests();

  const sequences = (list: readonly Arrival[]): string[] =>
    list.map(({ headers }) => String(headers['x-sequence'])).sort();

  it('shares posts by address: none, one, half, all and back under load, and each is answered', async () => {
    await stack.nginx.apply('--share', 'none', '--mirror', 'on');
    const load = Boxes.start({ url: stack.nginx.url, perSecond: 100, addresses: BOXES, prefix: 'p' });
    const pictures = Boxes.start({
      ...{ url: stack.nginx.url, perSecond: 20, addresses: BOXES, kind: 'pictures', prefix: 'i' },
    });
    const [blues, greens]: [Arrival[], Arrival[]] = [[], []];
    const collect = async (): Promise<void> => {
      blues.push(...(await stack.blue.ledger()));
      greens.push(...(await stack.green.ledger()));
    };
    for (const share of ['one', 'half', 'all', 'half', 'one', 'none']) {
      await stack.nginx.apply('--share', share, '--box-addresses', BOXES[2] ?? '');
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
    await stack.nginx.apply(
      '--share',
      'half',
      '--mirror',
      'off',
      '--box-addresses',
      '203.0.113.7,2001:db8::/32',
    );
    const colorOf = async (address: string): Promise<unknown> =>
      (await stack.ask(TRACKING, { headers: { 'x-real-ip': address } })).headers['x-samserver-color'];
    const addresses = Array.from({ length: 200 }, (_, n) => `198.51.100.${n}`);
    const first = await Promise.all(addresses.map(colorOf));
    const greens = first.filter((color) => color === 'green').length;
    expect(greens).toBeGreaterThan(60);
    expect(greens).toBeLessThan(140);
    await stack.nginx.apply('--mirror', 'on');
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
        for (const port of [stack.nginx.ports.http, stack.nginx.ports.sockets]) {
          await stack.nginx.apply('--share', share, '--mirror', 'off');
          await stack.ask(path, { method, headers: forged, port, localAddress: '127.0.0.9' });
        }
    const all = [...(await stack.blue.ledger()), ...(await stack.green.ledger())];
    expect(all).toHaveLength(16);
    for (const { headers } of all) {
      expect(JSON.stringify(headers)).not.toContain(SECRET);
      expect(headers['x-samserver-request-id']).toMatch(/^[0-9a-f]{32}$/);
      expect(headers['x-forwarded-for']).toBe('127.0.0.9');
      expect(headers['x-real-ip']).toBe('127.0.0.9');
    }
    // Also in the mirrored copy: nginx's own values.
    await stack.nginx.apply('--share', 'none', '--mirror', 'on');
    await stack.ask(TRACKING, {
      headers: { ...forged, 'X-Samserver-Mirror': 'guessed' },
      localAddress: '127.0.0.9',
    });
    const [copy] = await stack.arrivals(stack.green, 1);
    expect(copy?.headers['x-samserver-mirror']).toBe(SECRET);
    expect(copy?.headers['x-samserver-request-id']).toMatch(/^[0-9a-f]{32}$/);
    expect(copy?.headers['x-real-ip']).toBe('127.0.0.9');
  });

  it('sends everything but the posts of boxes to blue, except for test panels', async () => {
    await stack.nginx.apply('--share', 'all', '--mirror', 'on', '--panels', '192.0.2.50');
    const color = async (path: string, method: string, address: string): Promise<unknown> =>
      (await stack.ask(path, { method, headers: { 'x-real-ip': address } })).headers['x-samserver-color'];
    expect(await color(TRACKING, 'POST', '192.0.2.1')).toBe('green');
    expect(await color('/', 'GET', '192.0.2.1')).toBe('blue');
    expect(await color('/uploads/ambulance_images/1/a.jpg', 'GET', '192.0.2.1')).toBe('blue');
    expect(await color('/', 'GET', '192.0.2.50')).toBe('green');
    await stack.nginx.apply('--share', 'none', '--panels', '');
  });

  it.each([
    ['none', 'blue', 'green'],
    ['all', 'green', 'blue'],
  ])('share %s: a post that %s refuses goes to %s, once', async (share, _own, other) => {
    await stack.nginx.apply('--share', share, '--mirror', 'off');
    const [own, fallback] = share === 'none' ? [stack.blue, stack.green] : [stack.green, stack.blue];
    await own.close();
    const answer = await stack.ask(TRACKING);
    expect(answer).toMatchObject({ status: 200, headers: { 'x-samserver-color': other } });
    expect(await fallback.ledger()).toHaveLength(1);
    // The first accepted connection brings its posts back.
    await own.open();
    expect((await stack.ask(TRACKING)).headers['x-samserver-color']).not.toBe(other);
  });

  it('does not repeat a post whose connection is cut in the middle, and answers 503', async () => {
    for (const share of ['none', 'all']) {
      await stack.nginx.apply('--share', share, '--mirror', 'off');
      const [own, other] = share === 'none' ? [stack.blue, stack.green] : [stack.green, stack.blue];
      await own.behave('cut');
      const answer = await stack.ask(TRACKING);
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'storage/unavailable' });
      expect(await own.ledger()).toHaveLength(1);
      expect(await other.ledger()).toEqual([]);
      await own.behave('ok');
    }
  });

  it('gives 503 with a retry hint and no address when both refuse', async () => {
    await stack.nginx.apply('--share', 'none', '--mirror', 'on');
    await Promise.all([stack.blue.close(), stack.green.close()]);
    const answer = await stack.ask(TRACKING);
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    expect(JSON.stringify(answer)).not.toMatch(/127\.0\.0\.1/);
    expect(answer.headers).not.toHaveProperty('x-samserver-color');
    await Promise.all([stack.blue.open(), stack.green.open()]);
  });

  it('records posts that green did not take, and no others', async () => {
    await stack.nginx.apply('--share', 'none', '--mirror', 'on');
    const failures = async (): Promise<string[]> =>
      (await stack.nginx.log('samserver-mirror-failed.log')).split('\n').filter((line) => line !== '');
    await stack.ask(TRACKING);
    await stack.arrivals(stack.green, 1);
    const before = (await failures()).length;
    await stack.green.close();
    expect((await stack.ask(TRACKING)).status).toBe(200);
    await until(async () => (await failures()).length === before + 1, 'the line of the failed copy');
    await stack.green.open();
    expect((await stack.ask(TRACKING)).status).toBe(200);
    await stack.arrivals(stack.green, 1);
    const [line = '{}'] = (await failures()).slice(before);
    expect(JSON.parse(line)).toMatchObject({ path: TRACKING, backendStatus: '502' });
    expect(await failures()).toHaveLength(before + 1);
    // Of green's share: blue took it in place of stack.green.
    await stack.nginx.apply('--share', 'all');
    await stack.green.close();
    expect((await stack.ask(TRACKING)).headers['x-samserver-color']).toBe('blue');
    await until(async () => (await failures()).length === before + 2, 'the line of the fallback');
    await stack.green.open();
    const ofGaps = async (withoutGapS: number) => {
      const { code, output } = await stack.nginx.command(
        'gaps',
        '--json',
        '--without-gap',
        String(withoutGapS),
      );
      return { code, posts: (JSON.parse(output) as { posts: number }).posts };
    };
    expect(await ofGaps(600)).toEqual({ code: 1, posts: before + 2 });
    expect(await ofGaps(0)).toEqual({ code: 0, posts: before + 2 });
  });

  it.each(['none', 'all'])('share %s: a server that hangs for 5 s gives 503', async (share) => {
    await stack.nginx.apply('--share', share, '--mirror', 'off');
    const own = share === 'none' ? stack.blue : stack.green;
    await own.behave('slow');
    expect(await stack.ask(TRACKING)).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    await own.behave('ok');
  });

  it('adds nothing to an answer with the mirror: green works, hangs or is dead', async () => {
    const seconds = Number(process.env['SAMSERVER_FRONT_DOOR_S'] ?? 3);
    const figures: Record<string, string> = {};
    /** The rates of the fleet: 23 posts with two pictures and 16 positions a second. */
    const measure = async (name: string): Promise<void> => {
      const common = { url: stack.nginx.url, addresses: BOXES, timeoutMs: 3_000 };
      const results = await Promise.all([
        Boxes.start({ ...common, kind: 'pictures', perSecond: 23, count: 23 * seconds }).ended(),
        Boxes.start({ ...common, perSecond: 16, count: 16 * seconds }).ended(),
      ]);
      for (const { failed, errors } of results) expect({ failed, errors }).toEqual({ failed: 0, errors: {} });
      const sorted = results.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
      const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? NaN;
      figures[name] = `p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms`;
      // An answer that waits for the copy takes the second of its time-out.
      expect(at(0.99)).toBeLessThan(900);
    };
    await stack.nginx.apply('--share', 'none', '--mirror', 'off');
    await measure('mirror off');
    await stack.nginx.apply('--mirror', 'on');
    await measure('mirror on');
    await stack.green.behave('slow');
    await measure('green takes 5 s');
    await stack.green.behave('ok');
    await stack.green.close();
    await measure('green refuses');
    await stack.green.open();
    await stack.nginx.apply('--mirror', 'off');
    await measure('mirror off again');
    console.info(`latency of an answer, ${seconds} s each: ${JSON.stringify(figures, null, 1)}`);
  });

  it('takes 600 posts in 3 s while green hangs: copies do not use up the connections', async () => {
    await stack.nginx.apply('--share', 'none', '--mirror', 'on');
    await stack.green.behave('slow');
    const load = Boxes.start({ url: stack.nginx.url, count: 600, perSecond: 200, timeoutMs: 3_000 });
    const { failed, errors } = await load.ended();
    await stack.green.behave('ok');
    expect({ failed, errors }).toEqual({ failed: 0, errors: {} });
  });

  it('spools a large body and copies it byte for byte', async () => {
    await stack.nginx.apply('--share', 'none', '--mirror', 'on');
    const body = 'x'.repeat(5_000_000);
    expect((await stack.ask('/api/snapshot/postAmbulanceImageUpload', { body })).status).toBe(200);
    const [[original], [copy]] = [await stack.arrivals(stack.blue, 1), await stack.arrivals(stack.green, 1)];
    expect(original?.sizeBytes).toBe(5_000_000);
    expect(copy?.sha256).toBe(original?.sha256);
  });

  it('passes WebSockets through, which survive a change of the plan', async () => {
    await stack.nginx.apply('--share', 'none');
    const socket = connect(stack.nginx.ports.sockets, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    socket.write('GET /socket.io/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    await until(() => received.includes('101 Switching'), 'the upgrade');
    expect(received.toLowerCase()).toContain('x-samserver-color: blue');
    await stack.nginx.apply('--share', 'half');
    socket.write('still-here');
    await until(() => received.endsWith('still-here'), 'the echo');
    socket.destroy();
  });
});
