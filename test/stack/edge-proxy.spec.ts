import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chown, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createHash, X509Certificate } from 'node:crypto';
import { Agent, request as requestTls } from 'node:https';
import { Agent as PlainAgent, request as requestPlain } from 'node:http';
import type { LookupFunction } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { io, type Socket } from 'socket.io-client';
import { newVehicle } from '../support/http.js';
import { noise } from '../support/pictures.js';
import { until, whenConnected } from '../support/sockets.js';
import { type WholeAnswer, wholeAnswer } from '../support/whole-answer.js';
import { COMPOSE, describeOnEngine, docker, mustDocker, mustRun, ROOT } from './support/engine.js';
import { IMAGE } from './support/images.js';
import { API_NAME, GPS_NAME, Stack, UID } from './support/stack.js';

/** Closes a connection at its second request, as a service does whose keep-alive ends while a request is on its way. */
const SINGLE_USE_SERVER = `
  const used = new WeakSet();
  require('node:http').createServer((request, response) => {
    console.log(request.headers['x-request-id']);
    if (used.has(request.socket)) return request.socket.destroy();
    used.add(request.socket);
    response.end('{}');
  }).listen(5000);`;

const toLoopback: LookupFunction = (_name, { all }, answer) =>
  all ? answer(null, [{ address: '127.0.0.1', family: 4 }]) : answer(null, '127.0.0.1', 4);

describeOnEngine('the reverse proxy', () => {
  let stack: Stack;
  let ca: string;
  let token: string;
  let vehicle: Awaited<ReturnType<typeof newVehicle>>;
  const picture = Buffer.from('ffd8ffe000104a46494600', 'hex');

  beforeAll(async () => {
    stack = await Stack.make({ IMAGE_ACCEL: '1' });
    const folder = stack.path('state/images/291/2025/9/10/8_5');
    await mkdir(folder, { recursive: true });
    await writeFile(`${folder}/5_17_4711.jpg`, picture);
    await mkdir(stack.path('state/images/samserver'), { recursive: true });
    await writeFile(stack.path('state/images/samserver/new.jpg'), picture);
    await chown(stack.path('state/images/samserver'), Number(UID), Number(UID));
    await symlink('/certificates/privkey.pem', stack.path('state/images/291/key.jpg'));
    await stack.start();
    ca = await readFile(stack.path('state/certificates/fullchain.pem'), 'utf8');
    await until(async () => (await ask('GET', API_NAME, '/').catch(() => null))?.status === 200, 'nginx');
    const login = await ask('POST', API_NAME, '/api/v1/auth/login', {
      body: JSON.stringify(await stack.admin()),
    });
    token = (JSON.parse(login.body.toString()) as { accessToken: string }).accessToken;
    vehicle = await newVehicle({ url: stack.url() }, token);
  }, 420_000);
  afterAll(() => stack.close(), 120_000);

  /** A request of an outside client: by host name, over TLS unless `plain`, trusting the test certificate only. */
  function ask(
    method: string,
    host: string,
    path: string,
    options: { plain?: boolean; headers?: Record<string, string>; body?: string | Buffer } = {},
  ): Promise<WholeAnswer> {
    const { plain = false, headers = {}, body } = options;
    const port = plain ? stack.ports.edgeHttp : stack.ports.edgeHttps;
    const common = {
      ...{ host: '127.0.0.1', port, method, path },
      headers: {
        host,
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
        ...headers,
      },
    };
    const outgoing = plain ? requestPlain(common) : requestTls({ ...common, ca, servername: host });
    return wholeAnswer(outgoing, body);
  }

  function open(
    host: string,
    namespace: string,
    transport: 'websocket' | 'polling',
    auth: string,
    plain = false,
  ): Socket {
    const port = plain ? stack.ports.edgeHttp : stack.ports.edgeHttps;
    // The host names of the test are not in DNS.
    const agent = plain ? new PlainAgent({ lookup: toLoopback }) : new Agent({ ca, lookup: toLoopback });
    return io(`${plain ? 'http' : 'https'}://${host}:${port}${namespace}`, {
      transports: [transport],
      forceNew: true,
      reconnection: false,
      // The type is for browsers, which have no agent; both transports of Node accept it.
      agent: agent as never,
      auth: { token: auth },
    });
  }

  const fix = (second: number) => ({
    lat: 48.1 + second * 1e-4,
    lon: 11.5,
    time: new Date(Date.now() - 60_000 + second * 1_000).toISOString(),
  });
  const bearer = (value: string) => ({ authorization: `Bearer ${value}` });

  it("serves the API with the client's request id and exact address", async () => {
    const answer = await ask('GET', API_NAME, '/api/v1/auth/me', {
      headers: { ...bearer(token), 'x-request-id': 'asked-by-me', 'x-forwarded-for': '203.0.113.9' },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-request-id']).toBe('asked-by-me');
    const audit = await ask('GET', API_NAME, '/api/v1/audit?limit=5', { headers: bearer(token) });
    expect(audit.status).toBe(200);
    expect(audit.body.toString()).not.toContain('203.0.113.9');
    // A client on this machine connects through the gateway of the network.
    expect(audit.body.toString()).toContain(`${stack.subnet}.1"`);
    const log = (await stack.logs('nginx')).split('\n').find((line) => line.includes('asked-by-me')) ?? '{}';
    expect(JSON.parse(log)).toMatchObject({ path: '/api/v1/auth/me', status: 200, host: API_NAME });
  });

  it.each(['websocket', 'polling'] as const)(
    'connects devices and subscribers over %s',
    async (transport) => {
      const device = await whenConnected(open(GPS_NAME, '/devices', transport, vehicle.deviceToken));
      const live = await whenConnected(open(API_NAME, '/live', transport, token));
      try {
        const seen: unknown[] = [];
        live.on('positions', (frame: { items: unknown[] }) => seen.push(...frame.items));
        await live.timeout(10_000).emitWithAck('watch', { vehicleIds: [vehicle.vehicleId] });
        const position = fix(transport === 'websocket' ? 1 : 2);
        expect(await device.timeout(10_000).emitWithAck('position', position)).toMatchObject({ stored: 1 });
        await until(() => seen.length === 1, 'the fix at the subscriber');
        expect(device.io.engine.transport.name).toBe(transport);
      } finally {
        device.close();
        live.close();
      }
    },
  );

  it('serves devices over plain HTTP on the GPS name, and redirects a login', async () => {
    const device = await whenConnected(open(GPS_NAME, '/devices', 'websocket', vehicle.deviceToken, true));
    expect(await device.timeout(10_000).emitWithAck('position', fix(3))).toMatchObject({ stored: 1 });
    device.close();
    const body = JSON.stringify({ positions: [fix(4)] });
    const posted = await ask('POST', GPS_NAME, '/api/v1/positions', {
      plain: true,
      body,
      headers: bearer(vehicle.deviceToken),
    });
    expect(posted.status).toBe(200);
    expect((await ask('GET', GPS_NAME, '/', { plain: true })).body.toString()).toContain(
      'AOC-V.2 Tracking Server On',
    );
    const login = await ask('POST', GPS_NAME, '/api/v1/auth/login', { plain: true, body: '{}' });
    expect(login).toMatchObject({
      status: 308,
      headers: { location: `https://${GPS_NAME}/api/v1/auth/login` },
    });
  });

  it('redirects the API name to TLS, and sends HSTS for this name only', async () => {
    const plain = await ask('POST', API_NAME, '/api/v1/auth/login?a=b', { plain: true, body: '{}' });
    expect(plain).toMatchObject({
      status: 308,
      headers: { location: `https://${API_NAME}/api/v1/auth/login?a=b` },
    });
    expect(plain.headers).not.toHaveProperty('strict-transport-security');
    for (const path of ['/', '/metrics', '/uploads/ambulance_images/291/2025/9/10/8_5/5_17_4711.jpg']) {
      expect((await ask('GET', API_NAME, path)).headers['strict-transport-security']).toBe(
        'max-age=31536000',
      );
      expect((await ask('GET', GPS_NAME, path)).headers).not.toHaveProperty('strict-transport-security');
    }
  });

  it('serves a picture of the old server at its old address on both names, and no other file', async () => {
    const path = '/uploads/ambulance_images/291/2025/9/10/8_5/5_17_4711.jpg';
    for (const name of [API_NAME, GPS_NAME]) {
      const answer = await ask('GET', name, path);
      expect(answer).toMatchObject({
        status: 200,
        headers: { 'content-type': 'image/jpeg', 'x-content-type-options': 'nosniff' },
      });
      expect(createHash('sha256').update(answer.body).digest('hex')).toBe(
        createHash('sha256').update(picture).digest('hex'),
      );
    }
    const part = await ask('GET', API_NAME, path, { headers: { range: 'bytes=0-3' } });
    expect(part).toMatchObject({ status: 206, body: picture.subarray(0, 4) });
    for (const hidden of [
      '.samserver-volume',
      '%2esamserver-volume',
      'samserver/new.jpg',
      '291/key.jpg',
      '..%2f..%2fcertificates/privkey.pem',
      '',
    ]) {
      expect(
        (await ask('GET', API_NAME, `/uploads/ambulance_images/${hidden}`)).status,
      ).toBeGreaterThanOrEqual(400);
    }
  });

  it.each([
    ...['/metrics', '/health', '/ready', '/api/v1/ops/drain', '/protected-images/samserver/new.jpg'],
    // Spellings that the service or nginx could take for the same route.
    ...['/METRICS', '/Health', '/rEADY', '/Api/v1/ops/drain', '/api/v1/OPS/drain', '/API/V1/ops/handover'],
    ...['//metrics', '/metrics/', '/metrics//', '//api//v1//ops//drain', '/api/v1/ops/drain/', '/api/v1/ops'],
    ...['/%6detrics', '/%4DETRICS', '/metrics%2f', '/api%2fv1%2fops%2fdrain', '/api/v1/%6fps/drain'],
    ...['/./metrics', '/x/../metrics', '/x/%2e%2e/metrics', '/metrics?x=1', '/READY/?x=1'],
    ...['/%256detrics', '/metrics;x=1', '/metrics%00', '/metrics%20', '/\\metrics'],
  ])('hides %s', async (path) => {
    const ops = await stack.secret('ops_token');
    for (const [name, plain] of [
      [API_NAME, false],
      [GPS_NAME, false],
      [GPS_NAME, true],
    ] as const) {
      const method = /drain|handover/.test(path) ? 'POST' : 'GET';
      const answer = await ask(method, name, path, { plain, headers: bearer(ops) });
      // Plain HTTP serves device routes only and redirects others to TLS; nginx refuses bytes that no path can have.
      const isOther = /%256|;|%00|%20|\\/.test(path);
      expect(isOther ? [308, 400, 404] : [404]).toContain(answer.status);
      expect(answer.body.toString()).not.toMatch(/samserver_|"state"|"drain"/);
      if (!isOther) expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'http/not-found' });
    }
    expect(await stack.health('blue')).toBe('healthy');
  });

  it('accepts and sends a picture of 12 MB, and refuses 17 MB with the error of the service', async () => {
    const path = `/api/v1/vehicles/${vehicle.vehicleId}/images`;
    const form = (file: Buffer): Buffer =>
      Buffer.concat([
        Buffer.from(
          '--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n',
        ),
        file,
        Buffer.from('\r\n--b--\r\n'),
      ]);
    const headers = { ...bearer(token), 'content-type': 'multipart/form-data; boundary=b' };
    const large = await noise(12_000_000);
    const uploaded = await ask('POST', API_NAME, path, { body: form(large), headers });
    expect(uploaded.status).toBe(201);
    const { url } = JSON.parse(uploaded.body.toString()) as { url: string };
    // nginx sends it from the volume, after the service has checked the token.
    const sent = await ask('GET', API_NAME, url, { headers: bearer(token) });
    expect(sent).toMatchObject({
      status: 200,
      headers: { 'content-type': 'image/jpeg', 'x-content-type-options': 'nosniff' },
    });
    expect(sent.body.equals(large)).toBe(true);
    const small = await ask('GET', API_NAME, url.replace('content', 'thumbnail?width=320'), {
      headers: bearer(token),
    });
    expect(small).toMatchObject({ status: 200, headers: { 'content-type': 'image/webp' } });
    const part = await ask('GET', API_NAME, url, { headers: { ...bearer(token), range: 'bytes=-5' } });
    expect(part).toMatchObject({ status: 206, body: large.subarray(-5) });
    expect((await ask('GET', API_NAME, url)).status).toBe(401);
    const direct = await fetch(stack.url() + url, { headers: bearer(token) });
    expect(direct.headers.get('x-accel-redirect')).toMatch(/^\/protected-images\/samserver\//);

    const refused = await ask('POST', API_NAME, path, { body: form(Buffer.alloc(17_000_000)), headers });
    expect(refused.status).toBe(413);
    expect(JSON.parse(refused.body.toString())).toMatchObject({ code: 'http/body-too-large' });
  });

  it('gives no answer for an unknown host name', async () => {
    await expect(ask('GET', 'scanner.example.test', '/', { plain: true })).rejects.toThrow(/hang up|reset/);
    await expect(ask('GET', 'scanner.example.test', '/')).rejects.toThrow();
  });

  it('applies a renewed certificate without closing a socket', async () => {
    const device = await whenConnected(open(GPS_NAME, '/devices', 'websocket', vehicle.deviceToken));
    const before = await servedCertificate();
    await stack.makeCertificate(stack.path('lineage'));
    const compose = `${COMPOSE} -p ${stack.name} -f ${ROOT}docker/compose.yml --env-file ${stack.path('env')}`;
    const env = { COMPOSE: compose, CERTIFICATES_DIR: stack.path('state/certificates') };
    await mustRun(`${ROOT}docker/nginx/renewed`, [], {
      env: { ...env, RENEWED_LINEAGE: stack.path('lineage') },
    });
    const renewed = new X509Certificate(await readFile(stack.path('lineage/fullchain.pem')));
    await until(async () => (await servedCertificate()) === renewed.fingerprint256, 'the new certificate');
    expect(renewed.fingerprint256).not.toBe(before);
    expect(await device.timeout(10_000).emitWithAck('position', fix(5))).toMatchObject({ stored: 1 });
    device.close();
    ca = renewed.toString();
  });

  it('requires a token for old pictures with IMAGE_OLD_ADDRESSES=token', async () => {
    await stack.setValues({ IMAGE_OLD_ADDRESSES: 'token' });
    expect((await stack.compose(['up', '-d', '--no-deps', 'blue', 'nginx'])).code).toBe(0);
    await stack.untilHealthy('blue');
    const path = '/uploads/ambulance_images/291/2025/9/10/8_5/5_17_4711.jpg';
    await until(
      async () => (await ask('GET', API_NAME, path).catch(() => null))?.status === 401,
      'a token to be required',
    );
    expect(await ask('GET', API_NAME, path, { headers: bearer(token) })).toMatchObject({
      status: 200,
      body: picture,
    });
    await stack.setValues({ IMAGE_OLD_ADDRESSES: 'public' });
    await stack.compose(['up', '-d', '--no-deps', 'blue', 'nginx']);
    await until(async () => (await ask('GET', API_NAME, path).catch(() => null))?.status === 200, 'nginx');
  });

  it("answers in the service's error format while the service is down, and still serves old pictures", async () => {
    await docker(['stop', stack.container('blue')]);
    const answer = await ask('GET', API_NAME, '/api/v1/auth/me', { headers: bearer(token) });
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '2', 'content-type': 'application/problem+json' },
    });
    expect(JSON.parse(answer.body.toString())).toMatchObject({ status: 503, code: 'storage/unavailable' });
    const path = '/uploads/ambulance_images/291/2025/9/10/8_5/5_17_4711.jpg';
    expect((await ask('GET', API_NAME, path)).status).toBe(200);
  });

  it('repeats what is safe to repeat when a kept connection fails, so that a client gets no 502', async () => {
    const name = `${stack.name}-stub`;
    await docker(['rm', '-f', stack.container('blue')]);
    await mustDocker([
      ...['run', '-d', '--name', name, '--network', `${stack.name}_front`, '--ip', `${stack.subnet}.10`],
      ...[IMAGE, 'node', '-e', SINGLE_USE_SERVER],
    ]);
    try {
      const statusOf = async (method: string, path: string, id: string): Promise<number> => {
        const headers = { 'x-request-id': id };
        return (await ask(method, API_NAME, path, { headers, ...(method === 'POST' && { body: '{}' }) }))
          .status;
      };
      await until(async () => (await statusOf('GET', '/start', 'start').catch(() => 0)) === 200, 'the stub');
      const statuses = async (method: string, path: string): Promise<number[]> => {
        const seen: number[] = [];
        for (let count = 0; count < 40; count += 1)
          seen.push(await statusOf(method, path, `${path.replaceAll('/', '.')}-${count}`));
        return [...new Set(seen)].sort();
      };
      expect(await statuses('GET', '/api/v1/auth/me')).toEqual([200]);
      expect(await statuses('POST', '/api/v1/positions')).toEqual([200]);
      // A log-in may have been processed; the client decides.
      expect(await statuses('POST', '/api/v1/auth/login')).toEqual([200, 503]);
      const log = (await docker(['logs', name])).output.split('\n').filter(Boolean);
      const times = (id: RegExp): number[] =>
        [...new Set(log.filter((line) => id.test(line)))].map(
          (line) => log.filter((each) => each === line).length,
        );
      expect(Math.max(...times(/auth\.me/))).toBe(2);
      expect(Math.max(...times(/positions/))).toBe(2);
      expect(Math.max(...times(/auth\.login/))).toBe(1);
    } finally {
      await docker(['rm', '-f', name]);
    }
  });

  function servedCertificate(): Promise<string> {
    return new Promise((resolve, reject) => {
      const port = stack.ports.edgeHttps;
      const socket = connectTls(
        { host: '127.0.0.1', port, servername: API_NAME, rejectUnauthorized: false },
        () => {
          resolve(socket.getPeerCertificate().fingerprint256);
          socket.destroy();
        },
      );
      socket.on('error', reject);
    });
  }
});
