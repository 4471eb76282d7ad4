import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { getConnectionToken } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { readdirSync, utimesSync } from 'node:fs';
import { chmod, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeploymentIdRepository } from '../../src/database/index.js';
import { ImageVolume } from '../../src/images/index.js';
import { IncomingSweep } from '../../src/images/upload/incoming-sweep.js';
import { limitJobIntervals } from '../support/background-jobs.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { download, imagesOf, jpeg, jpegOfSize, png, upload } from '../support/pictures.js';
import { exchange, requestBytes } from '../support/raw-http.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';
import { filesBelow, createTestVolume, type TestVolume } from '../support/test-volume.js';

limitJobIntervals(200);

let volume: TestVolume;
let service: TestService;
let token: string;
beforeEach(async () => {
  volume = await createTestVolume();
});
afterEach(async () => {
  await service.stop();
  await volume.remove();
});

async function start(env: Record<string, string> = {}): Promise<void> {
  service = await startTestService({ ...volume.env, ...env });
  token = await adminToken(service);
}

describe('old addresses', () => {
  const OLD = '/uploads/ambulance_images';
  const folder = '291/2026/3/9/14_7';
  const port = (): number => Number(new URL(service.url).port);
  const raw = (path: string) => exchange(port(), requestBytes({ path }));

  async function putOld(name: string, bytes: Buffer | string): Promise<void> {
    await mkdir(join(volume.path, folder), { recursive: true });
    await writeFile(join(volume.path, folder, name), bytes);
  }

  it('serve the files of the old server without a token', async () => {
    const bytes = await jpeg(1);
    await putOld('7_12_4711.undefined', bytes);
    await putOld('7_12_4712.Foto von heute.jpg', bytes);
    await putOld('7_12_4713.html', '<script>alert(1)</script>');
    await start();
    for (const name of ['7_12_4711.undefined', '7_12_4712.Foto%20von%20heute.jpg']) {
      const found = await download(service, `${OLD}/${folder}/${name}`);
      expect([found.status, found.bytes.equals(bytes)]).toEqual([200, true]);
      expect(Object.fromEntries(found.headers)).toMatchObject({
        'content-type': 'image/jpeg',
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'cross-origin',
        'cache-control': 'public, max-age=0',
      });
      const again = await download(service, `${OLD}/${folder}/${name}`, undefined, {
        'if-none-match': found.headers.get('etag') ?? '',
      });
      expect(again.status).toBe(304);
      const part = await download(service, `${OLD}/${folder}/${name}`, undefined, { range: 'bytes=2-5' });
      expect([part.status, part.bytes.equals(bytes.subarray(2, 6))]).toEqual([206, true]);
    }
    const page = await download(service, `${OLD}/${folder}/7_12_4713.html`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'application/octet-stream']);
  });

  it('need a token with IMAGE_OLD_ADDRESSES=token', async () => {
    await putOld('7_12_4711.jpg', await jpeg(1));
    await start({ IMAGE_OLD_ADDRESSES: 'token' });
    const { deviceToken } = await newVehicle(service, token);
    const path = `${OLD}/${folder}/7_12_4711.jpg`;
    expect(await call(service, 'GET', path)).toMatchObject({
      status: 401,
      body: { code: 'auth/token-missing' },
    });
    expect((await call(service, 'GET', path, { token: deviceToken })).status).toBe(401);
    expect((await download(service, path, token)).status).toBe(200);
  });

  it('lead to no other file', async () => {
    const secret = join(volume.path, '..', `${volume.path.split('/').at(-1)}-secret.jpg`);
    await writeFile(secret, await jpeg(2));
    await putOld('in.jpg', await jpeg(3));
    await symlink(secret, join(volume.path, folder, 'link.jpg'));
    await symlink('/etc', join(volume.path, folder, 'etc'));
    await start();
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    await upload(service, { vehicleId, token: deviceToken, bytes: await jpeg(4) });
    const [uploaded = ''] = (await filesBelow(volume.path)).filter((file) => file.startsWith('samserver/'));
    const addresses = [
      `${folder}/../../../../../../${secret.split('/').at(-1)}`,
      `..%2f${secret.split('/').at(-1)}`,
      `%2e%2e/${secret.split('/').at(-1)}`,
      `${folder}/..%5cin.jpg`,
      `${folder}/%c0%ae%c0%ae/in.jpg`,
      `${folder}/in.jpg%00`,
      `${folder}/in.jpg%00.png`,
      `${folder}/%ff`,
      `${folder}/%`,
      `${folder}/link.jpg`,
      `${folder}/etc/passwd`,
      `${folder}/`,
      folder,
      '.samserver-volume',
      '.samserver/incoming',
      '%2esamserver-volume',
      uploaded,
      `${'a/'.repeat(200)}x.jpg`,
      `${'x'.repeat(300)}.jpg`,
    ];
    for (const address of addresses) {
      const { status, body } = await raw(`${OLD}/${address}`);
      expect([address, status, body.code]).toEqual([address, 404, expect.stringMatching(/not-found$/)]);
    }
    // As on the old server, two slashes count as one.
    for (const address of [`${folder}/in.jpg`, `${folder}//in.jpg`])
      expect((await raw(`${OLD}/${address}`)).status).toBe(200);
    await rename(secret, join(volume.path, 'secret.jpg'));
  });

  it('and image ids are sent by nginx with IMAGE_ACCEL=1', async () => {
    await putOld('7 ä%.jpg', await jpeg(1));
    await start({ IMAGE_ACCEL: '1' });
    const old = await download(service, `${OLD}/${folder}/7%20%C3%A4%25.jpg`);
    expect([old.status, old.bytes.length, old.headers.get('x-accel-redirect')]).toEqual([
      200,
      0,
      `/protected-images/${folder}/7%20%C3%A4%25.jpg`,
    ]);
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const { body } = await upload(service, { vehicleId, token: deviceToken, bytes: await png(1) });
    const content = await download(service, body.url, token);
    expect(content.headers.get('x-accel-redirect')).toMatch(
      new RegExp(`^/protected-images/samserver/${vehicleId}/\\d{4}/\\d\\d/${body.id}\\.png$`),
    );
    expect(content.headers.get('content-type')).toBe('image/png');
    const small = await download(service, `/api/v1/images/${body.id}/thumbnail?width=160`, token);
    expect(small.headers.get('x-accel-redirect')).toMatch(/^\/protected-images\/\.samserver\/thumbnails\//);

    // A file from before IMAGE_ACCEL=1, which nginx cannot read.
    const path = content.headers.get('x-accel-redirect')?.replace('/protected-images/', '') ?? '';
    await chmod(join(volume.path, path), 0o640);
    const unread = await download(service, body.url, token);
    expect([unread.bytes.length, unread.headers.get('x-accel-redirect')]).toEqual([body.sizeBytes, null]);
  });
});

describe('a volume', () => {
  const stateOf = async () => (await service.service.app.get(ImageVolume).check()).state;

  it.each([
    ['is not marked', 'unmarked', async () => rename(marker(), join(volume.path, 'something'))],
    ['is empty', 'empty', async () => rename(marker(), `${volume.path}-marker`)],
    ['is gone', 'missing', async () => rename(volume.path, `${volume.path}-gone`)],
  ])('that %s refuses image calls only', async (_what, state, spoil) => {
    await spoil();
    await start();
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    expect(await stateOf()).toBe(state);
    const refusal = { status: 503, body: { code: 'images/volume-unavailable' } };
    const bytes = await jpeg(1);
    expect(await upload(service, { vehicleId, token: deviceToken, bytes })).toMatchObject(refusal);
    expect(await call(service, 'GET', '/uploads/ambulance_images/a/b.jpg')).toMatchObject(refusal);
    expect((await imagesOf(service, vehicleId, token)).body.items).toEqual([]);
    const position = { lat: 48, lon: 11, time: new Date().toISOString() };
    const stored = await call(service, 'POST', '/api/v1/positions', {
      token: deviceToken,
      body: { positions: [position] },
    });
    expect(stored.body).toMatchObject({ stored: 1 });
    for (const name of ['-marker', '-gone'])
      await rename(`${volume.path}${name}`, name === '-gone' ? volume.path : marker()).catch(() => undefined);
  });

  function marker(): string {
    return join(volume.path, '.samserver-volume');
  }

  it('of another deployment is refused', async () => {
    await start({ OPS_TOKEN });
    const connection: Connection = service.service.app.get(getConnectionToken());
    await new DeploymentIdRepository(connection).keep('00000000-3f55-4b83-9d2e-0d7c3b0f5a10');
    const other = await service.another();
    try {
      expect(other.service.app.get(ImageVolume).report.state).toBe('foreign');
      expect(await call(other, 'GET', '/ready')).toMatchObject({ status: 503, body: { state: 'blocked' } });
    } finally {
      await other.stop();
    }
  });

  it('that is unmounted while the service runs is refused until it is mounted again', async () => {
    await start();
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const sent = { vehicleId, token: deviceToken };
    const { body } = await upload(service, { ...sent, bytes: await jpeg(1) });
    // An unmounted volume leaves an empty mount point.
    await rename(volume.path, `${volume.path}-away`);
    await mkdir(volume.path);
    expect((await upload(service, { ...sent, bytes: await jpeg(2) })).status).toBe(503);
    // A check under way may have begun before the change.
    await until(async () => (await stateOf()) === 'empty', 'the empty mount point');
    expect((await download(service, body.url, token)).status).toBe(503);
    expect(readdirSync(volume.path)).toEqual([]);
    await volume.remove();
    await rename(`${volume.path}-away`, volume.path);
    await until(async () => (await stateOf()) === 'usable', 'the volume');
    expect((await download(service, body.url, token)).status).toBe(200);
    expect((await upload(service, { ...sent, bytes: await jpeg(2) })).status).toBe(201);
  });

  it('with too little free space refuses uploads and serves images', async () => {
    await start();
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const sent = { vehicleId, token: deviceToken };
    const { body } = await upload(service, { ...sent, bytes: await jpeg(1) });
    const images = service.service.app.get(ImageVolume);
    const report = { ...images.report, freeBytes: 1_000 };
    // The next check of the volume does not change it.
    Object.defineProperty(images, 'last', { get: () => report, set: () => undefined });
    expect(await upload(service, { ...sent, bytes: await jpeg(2) })).toMatchObject({
      status: 507,
      body: { code: 'images/volume-full' },
    });
    expect((await download(service, body.url, token)).status).toBe(200);
    expect((await call(service, 'DELETE', `/api/v1/images/${body.id}`, { token })).status).toBe(204);
  });
});

describe('/ready', () => {
  const ready = () => call(service, 'GET', '/ready', { token: OPS_TOKEN });
  const marker = (): string => join(volume.path, '.samserver-volume');

  it('shows the volume and the result of the last verification', async () => {
    await start({ OPS_TOKEN });
    await writeFile(
      join(volume.path, '.samserver/verified.json'),
      JSON.stringify({ files: 7, verifiedAt: '2026-11-24T03:00:00.000Z', mismatched: 1, mode: 'full' }),
    );
    await until(async () => (await ready()).body.volume?.manifest !== null);
    expect((await ready()).body.volume).toEqual({
      path: volume.path,
      writable: true,
      freeBytes: expect.any(Number),
      manifest: { files: 7, verifiedAt: '2026-11-24T03:00:00.000Z', mismatched: 1 },
    });
  });

  it('is blocked by an unmarked volume at start, and degraded by one that loses its marker', async () => {
    await rename(marker(), join(volume.path, 'something'));
    await start({ OPS_TOKEN });
    await until(async () => (await ready()).body.state === 'blocked');
    expect(await ready()).toMatchObject({
      status: 503,
      body: { reasons: expect.arrayContaining(['volume.unmarked']) },
    });
    await rename(join(volume.path, 'something'), marker());
    await until(async () => !(await ready()).body.reasons.includes('volume.unmarked'));
    expect((await ready()).status).toBe(200);
    await rename(marker(), join(volume.path, 'something'));
    await until(async () => (await ready()).body.reasons.includes('volume.unmarked'));
    expect(await ready()).toMatchObject({ status: 200, body: { state: 'degraded' } });
    await rename(join(volume.path, 'something'), marker());
  });

  it('is blocked by an empty mount point with ENVIRONMENT=LIVE', async () => {
    await rename(marker(), `${volume.path}-marker`);
    await start({ OPS_TOKEN, ENVIRONMENT: 'LIVE' });
    await until(async () => (await ready()).body.reasons.includes('volume.empty'));
    expect(await ready()).toMatchObject({ status: 503, body: { state: 'blocked' } });
    await rename(`${volume.path}-marker`, marker());
  });
});

describe('the sweep', () => {
  it('removes what a kill left behind, and nothing else', async () => {
    await start();
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const { body } = await upload(service, { vehicleId, token: deviceToken, bytes: await jpeg(1) });
    const [kept = ''] = (await filesBelow(volume.path)).filter((file) => file.startsWith('samserver/'));
    const incoming = (name: string): string => join(volume.path, '.samserver/incoming', name);
    const lost = '66f0c0ffee0123456789abcd';
    const lostFile = `samserver/${vehicleId}/2024/09/${lost}.jpg`;
    await mkdir(join(volume.path, `samserver/${vehicleId}/2024/09`), { recursive: true });
    const bytes = await jpeg(2);
    await writeFile(join(volume.path, lostFile), bytes);
    // Placed without a record, placed with a record, partly written, a foreign file, and an upload in progress.
    await writeFile(incoming(`${lost}~${vehicleId}.jpg`), '');
    await writeFile(incoming(`${body.id}~${vehicleId}.jpg`), '');
    await writeFile(incoming('66f0c0ffee0123456789aaaa.part'), bytes.subarray(0, 100));
    await writeFile(incoming('notes.txt'), 'x');
    for (const name of readdirSync(join(volume.path, '.samserver/incoming')))
      utimesSync(incoming(name), 1, 1);
    await writeFile(incoming('66f0c0ffee0123456789bbbb.part'), bytes.subarray(0, 100));
    const sweep = service.service.app.get(IncomingSweep);
    expect(await sweep.sweep()).toEqual({ orphans: 2, deleted: 0 });
    expect((await filesBelow(volume.path)).filter((file) => !file.startsWith('.samserver-'))).toEqual([
      '.samserver/incoming/66f0c0ffee0123456789bbbb.part',
      '.samserver/incoming/notes.txt',
      kept,
    ]);
    expect(await sweep.sweep()).toEqual({ orphans: 0, deleted: 0 });
    expect((await download(service, body.url, token)).status).toBe(200);
  });
});

describe('ten concurrent uploads', () => {
  it('that are cut off leave no file', async () => {
    await start();
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const bytes = await jpegOfSize(9, 400_000);
    const boundary = 'cut';
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n`;
    const request = (length: number): Buffer[] => [
      Buffer.from(
        `POST /api/v1/vehicles/${vehicleId}/images HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${deviceToken}\r\n` +
          `Content-Type: multipart/form-data; boundary=${boundary}\r\nContent-Length: ${length}\r\n\r\n${head}`,
      ),
    ];
    const port = Number(new URL(service.url).port);
    await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        exchange(port, [...request(500_000), bytes.subarray(0, 30_000 * n)], 300),
      ),
    );
    await until(async () => (await filesBelow(volume.path)).length === 1);
    expect(await filesBelow(volume.path)).toEqual(['.samserver-volume']);
  });
});
