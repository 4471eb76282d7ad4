import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { adminToken, call, newVehicle } from '../support/http.js';
import { logIn, newUser } from '../support/test-users.js';
import {
  avif,
  download,
  heic,
  imagesOf,
  jpeg,
  jpegOfSize,
  jpegWithPlace,
  png,
  pngBomb,
  upload,
  webp,
  webpBomb,
} from '../support/pictures.js';
import { startTestService, type TestService } from '../support/test-service.js';
import { filesBelow, createTestVolume, type TestVolume } from '../support/test-volume.js';

let volume: TestVolume;
let service: TestService;
let token: string;
let vehicleId: string;
let deviceToken: string;
beforeAll(async () => {
  volume = await createTestVolume();
  service = await startTestService({
    ...volume.env,
    IMAGE_MAX_BYTES: '2000000',
    IMAGE_VEHICLE_QUOTA_BYTES: '8000000',
  });
  token = await adminToken(service);
  ({ vehicleId, deviceToken } = await newVehicle(service, token));
});
afterAll(async () => {
  await service.stop();
  await volume.remove();
});

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const send = (bytes: Buffer, options: { filename?: string; type?: string; token?: string } = {}) =>
  upload(service, { vehicleId, token: deviceToken, bytes, ...options });
const storedFiles = async (): Promise<string[]> =>
  (await filesBelow(volume.path)).filter((file) => file.startsWith('samserver/'));
const leftovers = async (): Promise<string[]> =>
  (await filesBelow(volume.path)).filter((file) => file.startsWith('.samserver/incoming/'));

describe('an image', () => {
  it('is stored, listed, read and deleted', async () => {
    const bytes = await jpeg(1, 640, 480);
    const made = await send(bytes, { filename: 'on scene.jpg' });
    expect(made).toMatchObject({
      status: 201,
      body: {
        vehicleId,
        filename: 'on scene.jpg',
        contentType: 'image/jpeg',
        sizeBytes: bytes.length,
        sha256: sha256(bytes),
        width: 640,
        height: 480,
        createdAt: expect.stringMatching(/Z$/),
        url: `/api/v1/images/${made.body.id}/content`,
      },
    });
    expect(made.headers.get('location')).toBe(`/api/v1/images/${made.body.id}`);
    expect((await call(service, 'GET', `/api/v1/images/${made.body.id}`, { token })).body).toEqual(made.body);
    expect((await imagesOf(service, vehicleId, token)).body).toEqual({
      items: [made.body],
      nextCursor: null,
    });

    const content = await download(service, made.body.url, token);
    expect([content.status, content.bytes.equals(bytes)]).toEqual([200, true]);
    expect(Object.fromEntries(content.headers)).toMatchObject({
      'content-type': 'image/jpeg',
      etag: `"${sha256(bytes)}"`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'content-disposition': 'inline; filename="on scene.jpg"',
      'accept-ranges': 'bytes',
    });

    expect(await storedFiles()).toHaveLength(1);
    expect((await call(service, 'DELETE', `/api/v1/images/${made.body.id}`, { token })).status).toBe(204);
    expect((await call(service, 'DELETE', `/api/v1/images/${made.body.id}`, { token })).status).toBe(404);
    expect((await download(service, made.body.url, token)).status).toBe(404);
    expect((await imagesOf(service, vehicleId, token)).body.items).toEqual([]);
    expect([await storedFiles(), await leftovers()]).toEqual([[], []]);

    const log = await call(service, 'GET', `/api/v1/audit?target=${made.body.id}`, { token });
    expect(log.body.items).toMatchObject([
      {
        action: 'image.deleted',
        actor: { kind: 'user' },
        target: { kind: 'image', id: made.body.id },
        details: { vehicleId, sha256: sha256(bytes), path: expect.stringMatching(/^samserver\//) },
        failure: null,
      },
    ]);
  });

  it.each([
    ['JPEG', () => jpeg(2), 'image/jpeg', 'jpg'],
    ['PNG', () => png(2), 'image/png', 'png'],
    ['WebP', () => webp(2), 'image/webp', 'webp'],
    ['AVIF', () => avif(2), 'image/avif', 'avif'],
    ['HEIC', async () => heic(), 'image/heic', 'heic'],
  ])('is recognized as %s by its content, not by its name', async (_name, make, contentType, extension) => {
    const bytes = await make();
    const made = await send(bytes, { filename: 'invoice.pdf', type: 'application/pdf' });
    expect(made).toMatchObject({
      status: 201,
      body: { contentType, filename: `invoice.${extension}`, sha256: sha256(bytes) },
    });
    const content = await download(service, made.body.url, token);
    expect([content.headers.get('content-type'), content.bytes.equals(bytes)]).toEqual([contentType, true]);
  });

  it('sent again gives the first record', async () => {
    const bytes = await jpegWithPlace(3);
    const first = await send(bytes, { filename: 'first.jpg' });
    const again = await Promise.all([1, 2, 3].map(() => send(bytes, { filename: 'again.jpg' })));
    for (const each of again) expect([each.status, each.body]).toEqual([201, first.body]);
    const fresh = await jpeg(33);
    const atOnce = await Promise.all([1, 2, 3, 4].map(() => send(fresh)));
    expect(new Set(atOnce.map(({ body }) => body.id)).size).toBe(1);
    const other = await newVehicle(service, token);
    const elsewhere = await upload(service, { ...other, token: other.deviceToken, bytes });
    expect(elsewhere.body.id).not.toBe(first.body.id);
    expect(await leftovers()).toEqual([]);
  });

  it('is listed newest first, in pages', async () => {
    const other = await newVehicle(service, token);
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const made = await upload(service, { ...other, token: other.deviceToken, bytes: await png(50 + n) });
      ids.unshift(made.body.id);
    }
    const path = `/api/v1/vehicles/${other.vehicleId}/images?limit=2`;
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body } = await call(service, 'GET', cursor === '' ? path : `${path}&cursor=${cursor}`, {
        token,
      });
      seen.push(...body.items.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor;
    }
    // Ids of the same second sort randomly.
    expect(seen.sort()).toEqual(ids.sort());
  });

  it('loses location and device, and keeps pixels and orientation', async () => {
    const bytes = await jpegWithPlace(4);
    expect(bytes.includes('SecretMaker')).toBe(true);
    const made = await send(bytes);
    expect(made.body).toMatchObject({ width: 240, height: 320 });
    const { bytes: served } = await download(service, made.body.url, token);
    expect(served.includes('Secret')).toBe(false);
    expect(sha256(served)).toBe(made.body.sha256);
    const [before, after] = await Promise.all([bytes, served].map((each) => sharp(each).raw().toBuffer()));
    expect(after?.equals(before ?? Buffer.alloc(0))).toBe(true);
    expect((await sharp(served).metadata()).orientation).toBe(6);
    expect((await sharp(served).metadata()).exif?.includes('GPS') ?? false).toBe(false);
  });
});

describe('access', () => {
  it('allows uploads by dispatchers, and by a device for its own vehicle', async () => {
    const other = await newVehicle(service, token);
    const bytes = await png(70);
    expect(await upload(service, { vehicleId, token: other.deviceToken, bytes })).toMatchObject({
      status: 403,
      body: { code: 'vehicles/other-vehicle' },
    });
    const roles = { viewer: 403, dispatcher: 201 };
    for (const [role, status] of Object.entries(roles)) {
      const { accessToken } = await logIn(service, await newUser(service, token, role));
      expect((await upload(service, { vehicleId, token: accessToken, bytes })).status).toBe(status);
    }
    const unknown = '66f0c0ffee0123456789abcd';
    expect(await upload(service, { vehicleId: unknown, token, bytes })).toMatchObject({
      status: 404,
      body: { code: 'vehicles/not-found' },
    });
  });
});

describe('refused uploads', () => {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
  const cut = async (image: Promise<Buffer>): Promise<Buffer> => {
    const bytes = await image;
    return bytes.subarray(0, Math.floor(bytes.length / 2));
  };
  it.each([
    ['an SVG with a script', async () => svg, 415, 'images/not-a-picture'],
    ['an SVG called JPEG', async () => svg, 415, 'images/not-a-picture'],
    ['HTML', async () => Buffer.from('<html><script>alert(1)</script></html>'), 415, 'images/not-a-picture'],
    ['an empty file', async () => Buffer.alloc(0), 415, 'images/not-a-picture'],
    ['one byte', async () => Buffer.from([0xff]), 415, 'images/not-a-picture'],
    ['a GIF', async () => Buffer.from('GIF89a\x01\0\x01\0\0\0\0;', 'latin1'), 415, 'images/not-a-picture'],
    [
      'a ZIP',
      async () => Buffer.from('PK\x03\x04aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'),
      415,
      'images/not-a-picture',
    ],
    [
      'a video',
      async () => Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\0'),
      415,
      'images/not-a-picture',
    ],
    ['a JPEG header alone', async () => Buffer.from('ffd8ffe000104a464946', 'hex'), 400, 'images/damaged'],
    [
      'random bytes after a JPEG header',
      async () => Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), randomBytes(9_000)]),
      400,
      'images/damaged',
    ],
    [
      'random bytes after a PNG header',
      async () => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(9_000)]),
      400,
      'images/damaged',
    ],
    ['half a JPEG', () => cut(jpeg(90)), 400, 'images/damaged'],
    ['half a PNG', () => cut(png(90)), 400, 'images/damaged'],
    ['half a WebP', () => cut(webp(90)), 400, 'images/damaged'],
    ['half an AVIF', () => cut(avif(90)), 400, 'images/damaged'],
    ['half a HEIC', () => cut(Promise.resolve(heic())), 400, 'images/damaged'],
    ['a PNG bomb', async () => pngBomb(), 413, 'images/too-many-pixels'],
    ['a HEIC of 10^10 pixels', async () => heic(100_000, 100_000), 413, 'images/too-many-pixels'],
    ['98 megapixels in 28 bytes', async () => webpBomb(16_383, 6_000), 413, 'images/too-many-pixels'],
    ['a file one byte too large', () => jpegOfSize(91, 2_000_001), 413, 'images/too-large'],
    ['a file far too large', () => jpegOfSize(91, 16_000_000), 413, 'images/too-large'],
  ])('refuses %s', async (_what, make, status, code) => {
    const before = await storedFiles();
    expect(await send(await make())).toMatchObject({ status, body: { status, code } });
    expect([await storedFiles(), await leftovers()]).toEqual([before, []]);
  });

  it('accepts a picture of one colour that is cheap to decode', async () => {
    const made = await send(webpBomb(2_000, 2_000));
    expect(made).toMatchObject({ status: 201, body: { width: 2_000, height: 2_000, sizeBytes: 28 } });
  });

  it('accepts the largest allowed file', async () => {
    const made = await send(await jpegOfSize(92, 2_000_000));
    expect(made).toMatchObject({ status: 201, body: { sizeBytes: 2_000_000 } });
  });

  it('bytes after the end of an image are removed', async () => {
    const bytes = await jpeg(93);
    const made = await send(Buffer.concat([bytes, Buffer.from('PK\x03\x04<script>alert(1)</script>')]));
    expect(made).toMatchObject({ status: 201, body: { sha256: sha256(bytes), sizeBytes: bytes.length } });
  });

  it.each([
    ['../../../etc/passwd.png', 'passwd.png'],
    ['..\\..\\boot.jpg', 'boot.png'],
    ['Unfall Straße – 現場 🚑.png', 'Unfall Straße – 現場 🚑.png'],
    [`${'x'.repeat(300)}.png`, `${'x'.repeat(200)}.png`],
    ['.htaccess', 'htaccess.png'],
    ['a\u202egpj.exe', 'agpj.png'],
    ['..', 'picture.png'],
  ])('the file name %j becomes %j', async (filename, shown) => {
    const made = await send(await png(100 + filename.length), { filename });
    expect(made).toMatchObject({ status: 201, body: { filename: shown } });
    await call(service, 'DELETE', `/api/v1/images/${made.body.id}`, { token });
  });

  it('refuses a malformed form and a form with other content', async () => {
    const post = async (body: string | FormData, headers: Record<string, string> = {}) => {
      const path = `${service.url}/api/v1/vehicles/${vehicleId}/images`;
      const answer = await fetch(path, {
        method: 'POST',
        body,
        headers: { authorization: `Bearer ${token}`, ...headers },
      });
      return [answer.status, ((await answer.json()) as { code: string }).code];
    };
    const refusal = [400, 'images/no-file'];
    const file = (): Blob => new Blob([new Uint8Array([0xff, 0xd8, 0xff, 0xe0])]);
    const form = (fill: (form: FormData) => void): FormData => {
      const made = new FormData();
      fill(made);
      return made;
    };
    const image = new Blob([new Uint8Array(await jpeg(94))]);
    const before = await storedFiles();
    expect(await post('{}', { 'content-type': 'application/json' })).toEqual(refusal);
    expect(await post('x', { 'content-type': 'multipart/form-data' })).toEqual(refusal);
    expect(await post('x', { 'content-type': 'multipart/form-data; boundary=y' })).toEqual(refusal);
    expect(await post(form(() => undefined))).toEqual(refusal);
    expect(await post(form((each) => each.append('image', file(), 'a.jpg')))).toEqual(refusal);
    expect(
      await post(
        form((each) => {
          each.append('file', image, 'a.jpg');
          each.append('note', 'x');
        }),
      ),
    ).toEqual(refusal);
    expect(
      await post(
        form((each) => {
          each.append('file', image, 'a.jpg');
          each.append('file', image, 'b.jpg');
        }),
      ),
    ).toEqual(refusal);
    expect([await storedFiles(), await leftovers()]).toEqual([before, []]);
  });

  it('limits the bytes of one vehicle', async () => {
    const other = await newVehicle(service, token);
    const sendOther = (bytes: Buffer) => upload(service, { ...other, token: other.deviceToken, bytes });
    for (let n = 0; n < 4; n += 1)
      expect((await sendOther(await jpegOfSize(110 + n, 1_900_000))).status).toBe(201);
    expect(await sendOther(await jpegOfSize(115, 1_900_000))).toMatchObject({
      status: 507,
      body: { code: 'images/quota-exceeded' },
    });
    const { body } = await imagesOf(service, other.vehicleId, token);
    await call(service, 'DELETE', `/api/v1/images/${body.items[0].id}`, { token });
    expect((await sendOther(await jpegOfSize(115, 1_900_000))).status).toBe(201);
  });
});

describe('the content', () => {
  it('is sent in ranges', async () => {
    const bytes = await jpeg(120);
    const { body } = await send(bytes);
    const range = async (header: string, more: Record<string, string> = {}) => {
      const answer = await download(service, body.url, token, { range: header, ...more });
      return [answer.status, answer.headers.get('content-range'), answer.bytes.toString('hex').slice(0, 200)];
    };
    const hex = (start: number, end: number): string =>
      bytes.subarray(start, end).toString('hex').slice(0, 200);
    const size = bytes.length;
    expect(await range('bytes=0-9')).toEqual([206, `bytes 0-9/${size}`, hex(0, 10)]);
    expect(await range('bytes=10-')).toEqual([206, `bytes 10-${size - 1}/${size}`, hex(10, size)]);
    expect(await range('bytes=-5')).toEqual([
      206,
      `bytes ${size - 5}-${size - 1}/${size}`,
      hex(size - 5, size),
    ]);
    expect(await range(`bytes=5-${size * 2}`)).toEqual([206, `bytes 5-${size - 1}/${size}`, hex(5, size)]);
    for (const whole of ['bytes=0-1,3-4', 'lines=1-2', 'bytes=-', 'bytes=a-b'])
      expect((await range(whole))[0]).toBe(200);
    for (const invalid of [`bytes=${size}-`, 'bytes=9-3', 'bytes=-0', `bytes=-${size + 1}`]) {
      const outside = await download(service, body.url, token, { range: invalid });
      expect([outside.status, outside.headers.get('content-range')]).toEqual([416, `bytes */${size}`]);
    }
    expect((await range('bytes=0-9', { 'if-range': `"${body.sha256}"` }))[0]).toBe(206);
    expect((await range('bytes=0-9', { 'if-range': '"another"' }))[0]).toBe(200);
    expect((await range('bytes=0-9', { 'if-range': `W/"${body.sha256}"` }))[0]).toBe(200);
  });

  it('is not sent again to a client that has it', async () => {
    const { body } = await send(await jpeg(121));
    const answer = await download(service, body.url, token, { 'if-none-match': `W/"x", "${body.sha256}"` });
    expect([answer.status, answer.bytes.length]).toEqual([304, 0]);
    const head = await call(service, 'HEAD', body.url, { token });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(body.sizeBytes)]);
  });

  it('has thumbnails, made once and with the orientation applied', async () => {
    const { body } = await send(await jpegWithPlace(122));
    const path = `/api/v1/images/${body.id}/thumbnail?width=160`;
    const made = await Promise.all([1, 2, 3].map(() => download(service, path, token)));
    for (const { status, headers, bytes } of made) {
      expect([status, headers.get('content-type')]).toEqual([200, 'image/webp']);
      const { width, height } = await sharp(bytes).metadata();
      expect([width, height]).toEqual([160, 213]);
    }
    const cached = (await filesBelow(volume.path)).filter((file) => file.includes(`${body.id}-160`));
    expect(cached).toHaveLength(1);
    expect((await download(service, path.replace('width=160', 'width=161'), token)).status).toBe(400);
    await call(service, 'DELETE', `/api/v1/images/${body.id}`, { token });
    expect((await filesBelow(volume.path)).filter((file) => file.includes(body.id))).toEqual([]);
  });

  it('of a HEIC has no thumbnail', async () => {
    const { body } = await send(heic(640, 480));
    const answer = await call(service, 'GET', `/api/v1/images/${body.id}/thumbnail?width=160`, { token });
    expect(answer).toMatchObject({ status: 415, body: { code: 'images/no-thumbnail' } });
  });

  it('is stored as the bytes that the record describes', async () => {
    for (const file of await storedFiles()) {
      const id = /([0-9a-f]{24})\.\w+$/.exec(file)?.[1] ?? '';
      const { body } = await call(service, 'GET', `/api/v1/images/${id}`, { token });
      expect([id, sha256(await readFile(join(volume.path, file)))]).toEqual([id, body.sha256]);
    }
  });
});
