import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, readFile, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ImageSetIntakeService, ImagesService } from '../../src/images/index.js';
import { linkedFileName } from '../../src/images/volume/volume-layout.js';
import { IncomingSweep } from '../../src/images/upload/incoming-sweep.js';
import { LegacyRoles } from '../../src/legacy/roles/legacy-roles.js';
import { AmbulanceDirectory } from '../../src/legacy/shared-collections/ambulance-directory.js';
import type { Snapshot } from '../../src/legacy/shared-collections/legacy-snapshot.js';
import { PictureSource } from '../../src/legacy/shared-collections/mirror-sources.js';
import { PictureCollectionsRepository } from '../../src/legacy/shared-collections/picture-collections.repository.js';
import { adminToken, call } from '../support/http.js';
import { formOf, newBox, postRaw, SNAPSHOT } from '../support/old-boxes.js';
import { OldDatabase } from '../support/old-database.js';
import { OldPanel } from '../support/old-panel.js';
import { download, imagesOf, jpeg, jpegOfSize, png, upload } from '../support/pictures.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';
import { filesBelow, createTestVolume, type TestVolume } from '../support/test-volume.js';

const MAX_BYTES = 300_000;

let volume: TestVolume;
let service: TestService;
let token: string;
beforeAll(async () => {
  volume = await createTestVolume();
  service = await startTestService({
    OPS_TOKEN,
    ...volume.env,
    IMAGE_MAX_BYTES: String(MAX_BYTES),
    LEGACY_TIME_ZONE: 'Asia/Bangkok',
    LEGACY_COLLECTIONS: 'write',
  });
  token = await adminToken(service);
});
afterAll(async () => {
  await service.stop();
  await volume.remove();
});

const pictures = async (): Promise<string[]> =>
  (await filesBelow(volume.path)).filter((path) => !path.startsWith('.samserver'));
const waiting = async (): Promise<string[]> =>
  (await filesBelow(join(volume.path, '.samserver', 'incoming'))).sort();
const expectEmpty = ({ status, headers, text }: { status: number; headers: Headers; text: string }): void =>
  expect([status, headers.get('content-type'), text]).toEqual([200, null, '']);

describe.each(['http', 'socket'] as const)('a picture by the %s port', (port) => {
  it('is stored at the old path with the extension of its content, announced and served', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const panel = await OldPanel.open(service.socketUrl);
    await panel.join('snap');
    const bytes = [await jpeg(1), await png(2)];
    const files = [
      ['../../../etc/passwd', bytes[0] as Buffer],
      ['no-dot', bytes[1] as Buffer],
    ] as const;
    expectEmpty(
      await postRaw(service, SNAPSHOT, formOf({ ambulance_id: boxCode, note: 'x' }, files), { port }),
    );

    const [frame] = await panel.frames(1);
    panel.close();
    const { imagesObj } = frame as { imagesObj: Record<string, string> };
    expect(frame).toEqual({ body: { ambulance_id: boxCode, note: 'x' }, imagesObj });
    expect(Object.keys(imagesObj)).toEqual(['image0', 'image1']);
    const layout = (extension: string) =>
      new RegExp(
        String.raw`^uploads/ambulance_images/${boxCode}/\d{4}/[1-9]\d?/[1-9]\d?/\d{1,2}_\d{1,2}/\d{1,2}_\d{1,2}_\d{4}\.${extension}$`,
      );
    expect(imagesObj['image0']).toMatch(layout('jpg'));
    expect(imagesObj['image1']).toMatch(layout('png'));

    const { body } = await imagesOf(service, vehicleId, token);
    expect(body.items.map(({ filename }: { filename: string }) => filename).sort()).toEqual([
      'no-dot.png',
      'passwd.jpg',
    ]);
    for (const [n, url] of [service.url, service.socketUrl].entries()) {
      const answer = await download({ url }, `/${imagesObj[`image${n}`]}`);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([
        200,
        n === 0 ? 'image/jpeg' : 'image/png',
      ]);
      const { sha256 } = body.items.find(
        (item: { contentType: string }) => item.contentType === answer.headers.get('content-type'),
      );
      expect(createHash('sha256').update(answer.bytes).digest('hex')).toBe(sha256);
    }
    expect(await waiting()).toEqual([]);
  });

  it('of an unknown box is answered and not stored, wherever the form has the box code', async () => {
    const before = await pictures();
    const bytes = await jpeg(3);
    expectEmpty(
      await postRaw(service, SNAPSHOT, formOf({ ambulance_id: 'unknown' }, [['a.jpg', bytes]]), { port }),
    );
    const late = formOf({}, [['a.jpg', bytes]]);
    late.append('ambulance_id', '../unknown');
    expectEmpty(await postRaw(service, SNAPSHOT, late, { port }));
    expect(await pictures()).toEqual(before);
    expect(await waiting()).toEqual([]);
  });
});

it('each picture is readable at the moment when `snap` names it', async () => {
  const { boxCode } = await newBox(service);
  const panel = await OldPanel.open(service.socketUrl);
  await panel.join('snap');
  const answers: Promise<number>[] = [];
  panel.socket.on('data', (text: string) => {
    const { imagesObj } = JSON.parse(text) as { imagesObj: Record<string, string> };
    for (const name of Object.values(imagesObj))
      answers.push(download(service, `/${name}`).then(({ status }) => status));
  });
  const post = async (n: number) =>
    postRaw(
      service,
      SNAPSHOT,
      formOf({ ambulance_id: boxCode }, [
        ['im1.jpg', await jpeg(200 + 2 * n)],
        ['im2.jpg', await jpeg(201 + 2 * n)],
      ]),
    );
  await Promise.all(Array.from({ length: 10 }, (_, n) => post(n)));
  await until(() => answers.length === 20, 'the names of all pictures');
  panel.close();
  expect(await Promise.all(answers)).toEqual(Array(20).fill(200));
});

describe('an old address with repeated slashes', () => {
  it.each(['http', 'socket'] as const)('is the same picture on the %s port', async (port) => {
    const { boxCode } = await newBox(service);
    const bytes = await jpeg(77);
    await postRaw(service, SNAPSHOT, formOf({ ambulance_id: boxCode }, [['a.jpg', bytes]]), { port });
    const [file] = (await pictures()).filter((path) => path.startsWith(`${boxCode}/`));
    const host = port === 'http' ? service.url : service.socketUrl;
    for (const prefix of ['//uploads/ambulance_images/', '///uploads//ambulance_images//']) {
      const answer = await fetch(`${host}${prefix}${file}?a=//b`);
      expect([prefix, answer.status, answer.headers.get('content-type')]).toEqual([
        prefix,
        200,
        'image/jpeg',
      ]);
    }
    expect((await fetch(`${host}//uploads/ambulance_images//%2e%2e/x`)).status).toBe(404);
  });
});

describe('the same bytes again', () => {
  it('are one image, announced with its address', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const panel = await OldPanel.open(service.socketUrl);
    await panel.join('snap');
    const form = async () => formOf({ ambulance_id: boxCode }, [['a.jpg', await jpeg(4)]]);
    expectEmpty(await postRaw(service, SNAPSHOT, await form()));
    expectEmpty(await postRaw(service, SNAPSHOT, await form()));
    const [first, second] = await panel.frames(2);
    panel.close();
    expect(second).toEqual(first);
    expect((await imagesOf(service, vehicleId, token)).body.items).toHaveLength(1);
  });

  it('of an upload over the API are stored at the old path too', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const bytes = await jpeg(5);
    await upload(service, { vehicleId, token, bytes });
    expectEmpty(await postRaw(service, SNAPSHOT, formOf({ ambulance_id: boxCode }, [['a.jpg', bytes]])));
    const own = (await pictures()).filter(
      (path) => path.includes(vehicleId) || path.startsWith(`${boxCode}/`),
    );
    expect(own).toHaveLength(2);
  });
});

describe('two requests of a box within a second', () => {
  it('are two documents of the old collections', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const old = await OldDatabase.open(service.database.url);
    const panel = await OldPanel.open(service.socketUrl);
    await panel.join('snap');
    const send = async (seed: number): Promise<void> => {
      const files = [
        ['cam1.jpg', await jpeg(seed)],
        ['cam2.jpg', await jpeg(seed + 1)],
      ] as const;
      expectEmpty(await postRaw(service, SNAPSHOT, formOf({ ambulance_id: boxCode }, files)));
    };
    // The names have the second only: the second request follows at once.
    await send(60);
    await send(62);
    const [first, second] = (await panel.frames(2)) as { imagesObj: object }[];
    panel.close();
    const filter = { ambulance_id: OldDatabase.id(vehicleId) };
    await until(
      async () => (await old.all('ambulance_image_histories', filter)).length > 0,
      'the document of the first request',
    );
    const [shown] = await old.all('ambulance_images', filter);
    const histories = await old.all('ambulance_image_histories', filter);
    expect([shown.images, histories.map(({ images }) => images)]).toEqual([
      second?.imagesObj,
      [first?.imagesObj],
    ]);
    await old.close();
  });
});

describe('invalid or too large files', () => {
  it('are left out, the others are stored, and the box gets 200 and does not send again', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const files = [
      ['page.jpg', Buffer.from('<html><script>alert(1)</script></html>'.repeat(100))],
      ['large.jpg', await jpegOfSize(6, MAX_BYTES + 1)],
      ['cut.jpg', (await jpeg(7)).subarray(0, 400)],
      ['empty.jpg', Buffer.alloc(0)],
      ['good.jpg', await jpeg(8)],
    ] as const;
    const panel = await OldPanel.open(service.socketUrl);
    await panel.join('snap');
    expectEmpty(await postRaw(service, SNAPSHOT, formOf({ ambulance_id: boxCode }, files)));
    const [frame] = await panel.frames(1);
    panel.close();
    const { body } = await imagesOf(service, vehicleId, token);
    const shown = body.items.map(({ filename, isDamaged }: { filename: string; isDamaged?: true }) => [
      filename,
      isDamaged,
    ]);
    expect(shown.sort()).toEqual([
      ['cut.jpg', true],
      ['good.jpg', undefined],
    ]);
    // Each keeps its place.
    const { imagesObj } = frame as { imagesObj: Record<string, string> };
    expect(Object.keys(imagesObj)).toEqual(['image0', 'image1', 'image2', 'image3', 'image4']);
    const statuses = await Promise.all(
      Object.values(imagesObj).map(async (name) => (await download(service, `/${name}`)).status),
    );
    expect(statuses).toEqual([404, 404, 200, 404, 200]);
    expect(await waiting()).toEqual([]);
  });

  it('a head without an end is stored as it arrived, and the second camera stays the second', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const panel = await OldPanel.open(service.socketUrl);
    await panel.join('snap');
    const whole = await jpeg(50);
    const cut = (await jpeg(51)).subarray(0, -2);
    const form = formOf({ ambulance_id: boxCode }, [
      ['cam1.jpg', cut],
      ['cam2.jpg', whole],
    ]);
    expectEmpty(await postRaw(service, SNAPSHOT, form));
    const [frame] = await panel.frames(1);
    panel.close();
    const { image0, image1 } = (frame as { imagesObj: { image0: string; image1: string } }).imagesObj;
    expect((await download(service, `/${image0}`)).bytes.equals(cut)).toBe(true);
    expect((await download(service, `/${image1}`)).bytes.equals(whole)).toBe(true);
    const { items } = (await imagesOf(service, vehicleId, token)).body;
    const damaged = items.filter(({ isDamaged }: { isDamaged?: true }) => isDamaged);
    expect(damaged).toMatchObject([{ filename: 'cam1.jpg', sizeBytes: cut.length }]);
  });

  it('a request without the picture of the first camera has the second one as image0', async () => {
    const { boxCode } = await newBox(service);
    const panel = await OldPanel.open(service.socketUrl);
    await panel.join('snap');
    expectEmpty(
      await postRaw(service, SNAPSHOT, formOf({ ambulance_id: boxCode }, [['cam2.jpg', await jpeg(52)]])),
    );
    const [frame] = await panel.frames(1);
    panel.close();
    expect(Object.keys((frame as { imagesObj: object }).imagesObj)).toEqual(['image0']);
  });

  it.each(['application/json', 'application/x-www-form-urlencoded', 'image/jpeg'])(
    'a request of type %s is no form, and gets the error page of the old server',
    async (type) => {
      const { boxCode } = await newBox(service);
      const answer = await postRaw(service, SNAPSHOT, JSON.stringify({ ambulance_id: boxCode }), { type });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([500, 'text/html; charset=utf-8']);
      expect(answer.text).toContain('<pre>Internal Server Error</pre>');
    },
  );

  it('500 MB are refused unread and leave no file', async () => {
    const { boxCode } = await newBox(service);
    const head = [
      `POST ${SNAPSHOT} HTTP/1.1`,
      'Host: x',
      'Content-Type: multipart/form-data; boundary=b',
      'Content-Length: 500000000',
      '',
      `--b\r\nContent-Disposition: form-data; name="ambulance_id"\r\n\r\n${boxCode}\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n`,
    ].join('\r\n');
    const { sentBytes, answer } = await sendUntilClosed(head);
    expect(sentBytes).toBeLessThan(100_000_000);
    expect(answer).toMatch(/^HTTP\/1\.1 413 .*<pre>Payload Too Large<\/pre>/s);
    expect(await waiting()).toEqual([]);
  });

  it('a form that is cut off leaves no file', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const body = `--b\r\nContent-Disposition: form-data; name="ambulance_id"\r\n\r\n${boxCode}\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n`;
    const answer = await postRaw(service, SNAPSHOT, body, { type: 'multipart/form-data; boundary=b' });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8']);
    expect((await imagesOf(service, vehicleId, token)).body.items).toEqual([]);
    expect(await waiting()).toEqual([]);
  });
});

describe('boxes that disconnect during a post', () => {
  it('leave no file and occupy no slot', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const half = (await jpeg(40)).subarray(0, 900).toString('latin1');
    const head = [
      `POST ${SNAPSHOT} HTTP/1.1`,
      'Host: x',
      'Content-Type: multipart/form-data; boundary=b',
      'Content-Length: 100000',
      '',
      `--b\r\nContent-Disposition: form-data; name="ambulance_id"\r\n\r\n${boxCode}\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n${half}`,
    ].join('\r\n');
    for (const cutAt of [head.length, head.length - half.length, head.length - half.length - 40])
      await Promise.all(Array.from({ length: 30 }, () => sendAndGo(head.slice(0, cutAt))));
    await until(async () => (await waiting()).length === 0, 'an empty incoming directory');
    expectEmpty(
      await postRaw(service, SNAPSHOT, formOf({ ambulance_id: boxCode }, [['a.jpg', await jpeg(41)]])),
    );
    expect((await imagesOf(service, vehicleId, token)).body.items).toHaveLength(1);
  });
});

describe('paths', () => {
  it.each(['..', '../../up', '/etc', 'samserver', '.samserver', 'a/b', 'รถ 1', '%2e%2e'])(
    'a box with the code %j gets its own folder in the volume',
    async (boxCode) => {
      const before = await pictures();
      const { vehicleId } = await newBox(service, boxCode);
      const panel = await OldPanel.open(service.socketUrl);
      await panel.join('snap');
      expectEmpty(
        await postRaw(service, SNAPSHOT, formOf({ ambulance_id: boxCode }, [['a.jpg', await jpeg(9)]])),
      );
      const [frame] = await panel.frames(1);
      panel.close();
      const address = (frame as { imagesObj: { image0: string } }).imagesObj.image0;
      expect(address).toMatch(/^uploads\/ambulance_images\/box-[A-Za-z0-9_-]+-[0-9a-f]{8}\//);
      expect((await download(service, `/${address}`)).status).toBe(200);
      const added = (await pictures()).filter((path) => !before.includes(path));
      expect(added).toEqual([address.slice('uploads/ambulance_images/'.length)]);
      await call(service, 'DELETE', `/api/v1/vehicles/${vehicleId}`, { token });
    },
  );
});

describe('a name that is taken', () => {
  const keep = async (vehicleId: string, seed: number, choosePath: () => string) =>
    service.service.app.get(ImageSetIntakeService).keep({
      vehicleId,
      parts: [{ bytes: await jpeg(seed), filename: 'a.jpg' }],
      receivedAt: new Date(),
      caller: vehicleId,
      choosePath,
      isReusable: () => true,
    });

  it('is not overwritten, and another name is chosen', async () => {
    const { vehicleId } = await newBox(service);
    await writeFile(join(volume.path, 'first.jpg'), 'of another');
    const names = ['first.jpg', 'second.jpg'];
    const [image] = await keep(vehicleId, 30, () => names.shift() ?? 'more.jpg');
    expect(image?.path).toBe('second.jpg');
    expect(await readFile(join(volume.path, 'first.jpg'), 'utf8')).toBe('of another');
    expect((await download(service, '/uploads/ambulance_images/second.jpg')).status).toBe(200);
    expect(await waiting()).toEqual([]);
  });

  it('refuses the image with images/busy when every name is taken', async () => {
    const { vehicleId } = await newBox(service);
    await expect(keep(vehicleId, 31, () => 'first.jpg')).rejects.toMatchObject({ code: 'images/busy' });
    expect(await waiting()).toEqual([]);
  });
});

describe('a kill during an upload by an earlier release', () => {
  const age = async (path: string): Promise<void> => {
    const old = new Date(Date.now() - 7_200_000);
    await utimes(path, old, old);
  };
  const leftBehind = async (place: string, isLinked: boolean): Promise<{ part: string; intent: string }> => {
    const incoming = join(volume.path, '.samserver', 'incoming');
    const id = createHash('md5').update(place).digest('hex').slice(0, 24);
    const part = join(incoming, `${id}.part`);
    const intent = join(incoming, `${id}~66f0c0ffee0123456789abcd.jpg`);
    await writeFile(part, 'ours');
    await writeFile(intent, place);
    if (isLinked) await link(part, join(volume.path, place));
    await age(part);
    await age(intent);
    return { part, intent };
  };
  const sweep = () => service.service.app.get(IncomingSweep).sweep();

  it('before the name was taken keeps the file that had it', async () => {
    await writeFile(join(volume.path, 'taken.jpg'), 'of another');
    await leftBehind('taken.jpg', false);
    await sweep();
    expect(await readFile(join(volume.path, 'taken.jpg'), 'utf8')).toBe('of another');
    expect(await waiting()).toEqual([]);
  });

  it('after the name was taken leaves no file', async () => {
    await leftBehind('got.jpg', true);
    await sweep();
    expect(existsSync(join(volume.path, 'got.jpg'))).toBe(false);
    expect(await waiting()).toEqual([]);
  });

  it('an intent file that names a path outside is not followed', async () => {
    const outside = `${volume.path}-outside.jpg`;
    await writeFile(outside, 'of another');
    await leftBehind(`../${outside.split('/').at(-1)}`, false);
    await sweep();
    expect(await readFile(outside, 'utf8')).toBe('of another');
    expect(await waiting()).toEqual([]);
  });
});

describe('a kill between the file and the record', () => {
  const leftBehind = async (finalPath: string, isLinked: boolean): Promise<void> => {
    const id = createHash('md5').update(finalPath).digest('hex').slice(0, 24);
    const first = join(volume.path, '.samserver', 'incoming', linkedFileName(id, finalPath));
    await writeFile(first, 'ours');
    const old = new Date(Date.now() - 7_200_000);
    await utimes(first, old, old);
    if (isLinked) await link(first, join(volume.path, finalPath));
  };
  const sweep = () => service.service.app.get(IncomingSweep).sweep();

  it('leaves no file', async () => {
    await leftBehind('placed.jpg', true);
    await sweep();
    expect(existsSync(join(volume.path, 'placed.jpg'))).toBe(false);
    expect(await waiting()).toEqual([]);
  });

  it('leaves the file of another that has the name, and a file outside the volume', async () => {
    const outside = `${volume.path}-linked-outside.jpg`;
    for (const path of [join(volume.path, 'of-another.jpg'), outside]) await writeFile(path, 'of another');
    await leftBehind('of-another.jpg', false);
    await leftBehind(`../${outside.split('/').at(-1)}`, false);
    await sweep();
    for (const path of [join(volume.path, 'of-another.jpg'), outside])
      expect(await readFile(path, 'utf8')).toBe('of another');
    expect(await waiting()).toEqual([]);
  });
});

describe('the catch-up of the collections of the old server', () => {
  it('searches for many requests together, and writes only those that are missing', async () => {
    const { app } = service.service;
    const old = await OldDatabase.open(service.database.url);
    const boxes = [await newBox(service), await newBox(service)];
    const since = Date.now() - 1_000;
    for (let n = 0; n < 12; n += 1)
      for (const [k, { boxCode }] of boxes.entries()) {
        const form = formOf({ ambulance_id: boxCode }, [['a.jpg', await jpeg(5_000 + 2 * n + k)]]);
        expectEmpty(await postRaw(service, SNAPSHOT, form));
      }
    const ids = boxes.map(({ vehicleId }) => OldDatabase.id(vehicleId));
    const histories = () => old.all('ambulance_image_histories', { ambulance_id: { $in: ids } });
    await until(async () => (await histories()).length === 22, 'the histories');

    // An own repository: the catch-up of the service uses the other one.
    const collections = new PictureCollectionsRepository(old.connection);
    const source = new PictureSource(
      app.get(AmbulanceDirectory),
      app.get(LegacyRoles),
      app.get(ImagesService),
      collections,
    );
    const items: Snapshot[] = [];
    for await (const page of source.since(since))
      items.push(...page.filter(({ vehicleId }) => boxes.some((box) => box.vehicleId === vehicleId)));
    expect(items).toHaveLength(24);
    const upsert = jest.spyOn(collections, 'upsert');
    expect(await source.write(items)).toBe(0);
    expect(upsert).not.toHaveBeenCalled();

    const missing = { ...(items[7] as Snapshot), at: new Date(since), names: ['uploads/x/1_1_1234.jpg'] };
    expect(await source.write([...items, missing])).toBe(1);
    expect(upsert.mock.calls).toEqual([[missing.vehicleId, missing]]);
    expect((await histories()).map(({ images }) => images.image0)).toContain(missing.names[0]);
    await old.close();
  });
});

/** Sends a part of a request and disconnects. */
function sendAndGo(bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.on('connect', () =>
      socket.write(Buffer.from(bytes, 'latin1'), () => setTimeout(() => socket.destroy(), 60)),
    );
  });
}

/** Sends until the service closes the connection. */
function sendUntilClosed(head: string): Promise<{ sentBytes: number; answer: string }> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    const chunk = Buffer.alloc(1_000_000, 120);
    let sentBytes = 0;
    let answer = '';
    const more = (): void => {
      if (socket.destroyed || sentBytes > 200_000_000) return void socket.destroy();
      sentBytes += chunk.length;
      socket.write(chunk, () => setImmediate(more));
    };
    socket.on('error', () => undefined);
    socket.on('data', (text: Buffer) => (answer += text.toString()));
    socket.on('close', () => resolve({ sentBytes, answer }));
    socket.on('connect', () => {
      socket.write(head);
      more();
    });
  });
}
