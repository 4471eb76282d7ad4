import { getModelToken } from '@nestjs/mongoose';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Model, Types } from 'mongoose';
import { ImageRetention } from '../../src/images/retention/image-retention.service.js';
import { RetentionPlanner } from '../../src/images/retention/retention-planner.js';
import { ImageRecount } from '../../src/images/totals/image-recount.js';
import { ImageTotalsRepository } from '../../src/images/totals/image-totals.repository.js';
import { ImageTotalsService } from '../../src/images/totals/image-totals.service.js';
import { dayOfImageId, thumbnailPath } from '../../src/images/volume/volume-layout.js';
import { adminToken, call } from '../support/http.js';
import { OldDatabase } from '../support/old-database.js';
import { formOf, newBox, postRaw, SNAPSHOT } from '../support/old-boxes.js';
import { imagesOf, jpeg, upload } from '../support/pictures.js';
import { Scrape } from '../support/scrape.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';
import { createTestVolume, type TestVolume } from '../support/test-volume.js';

const DAY_MS = 86_400_000;
const RETENTION_DAYS = 30;
const QUOTA = 1_000_000;
const SIZE = 50_000;

let volume: TestVolume;
let service: TestService;
let token: string;
let old: OldDatabase;
beforeAll(async () => {
  volume = await createTestVolume();
  service = await startTestService({
    ...volume.env,
    IMAGE_RETENTION_DAYS: String(RETENTION_DAYS),
    IMAGE_VEHICLE_QUOTA_BYTES: String(QUOTA),
    IMAGE_WHEN_FULL: 'replace',
    LEGACY_COLLECTIONS: 'write',
    OPS_TOKEN,
  });
  token = await adminToken(service);
  old = await OldDatabase.open(service.database.url);
});
afterAll(async () => {
  await old.close();
  await service.stop();
  await volume.remove();
});

const get = <T>(type: new (...args: never[]) => T): T => service.service.app.get(type);
const pictures = () => service.service.app.get<Model<unknown>>(getModelToken('ImageRecord')).collection;

interface Stored {
  readonly id: string;
  readonly path: string;
}

/** Stores a picture of a box or of the old server, or an upload over the API, as of so many days ago. Sizes are those of the record. */
async function store(
  vehicleId: string,
  daysAgo: number,
  kind: 'box' | 'upload' | 'adopted' = 'box',
): Promise<Stored> {
  const at = new Date(Date.now() - daysAgo * DAY_MS);
  const seconds = Math.floor(at.getTime() / 1_000);
  const id = seconds.toString(16).padStart(8, '0') + randomBytes(8).toString('hex');
  const name = `${String(daysAgo).replace('.', '_')}/${id.slice(-4)}_1_${1000 + Math.floor(Math.random() * 9000)}.jpg`;
  const path =
    kind !== 'upload' ? `box-${vehicleId}/2026/1/${name}` : `samserver/${vehicleId}/2026/${id}.jpg`;
  await mkdir(dirname(join(volume.path, path)), { recursive: true });
  await writeFile(join(volume.path, path), id);
  await pictures().insertOne({
    _id: new Types.ObjectId(id),
    vehicleId: new Types.ObjectId(vehicleId),
    path,
    filename: 'cam1.jpg',
    contentType: 'image/jpeg',
    sizeBytes: SIZE,
    sha256: createHash('sha256').update(id).digest('hex'),
    origin: kind === 'adopted' ? 'adopted' : 'upload',
    createdAt: at,
  });
  return { id, path };
}

async function storeAll(vehicleId: string, days: readonly number[]): Promise<Stored[]> {
  const stored: Stored[] = [];
  for (const each of days) stored.push(await store(vehicleId, each));
  return stored;
}

/** Of pictures of boxes. */
const total = (count: number, bytes: number) => ({ count, bytes, uploadBytes: 0, adoptedBytes: 0 });
const idsOf = async (vehicleId: string): Promise<string[]> =>
  (await imagesOf(service, vehicleId, token)).body.items.map(({ id }: { id: string }) => id).sort();
const sorted = (stored: readonly Stored[]): string[] => stored.map(({ id }) => id).sort();
const exists = ({ path }: Stored): boolean => existsSync(join(volume.path, path));
const recount = () => get(ImageRecount).run();
/** Forgets that all days were counted: only then days without a total are looked for. */
const forgetCount = (vehicleId: string) =>
  old.collection('image_totals').deleteOne({ _id: vehicleId } as never);

const deletedBySize = async (): Promise<number> =>
  (await Scrape.of(service)).value('samserver_image_retention_deleted_total', { reason: 'vehicle-size' }) ??
  NaN;

describe('the totals of a vehicle', () => {
  it('follow each picture, also of several instances', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const other = await service.another();
    const post = async (to: { url: string; socketUrl: string }, seeds: number[]) => {
      const files = await Promise.all(seeds.map(async (n) => [`${n}.jpg`, await jpeg(n)] as const));
      expect((await postRaw(to, SNAPSHOT, formOf({ ambulance_id: boxCode }, files))).status).toBe(200);
    };
    await post(service, [1, 2]);
    await post(other, [3, 4]);
    await post(service, [1, 2]);
    await get(ImageTotalsService).flush();
    await other.service.app.get(ImageTotalsService).flush();
    await other.stop();
    const { items } = (await imagesOf(service, vehicleId, token)).body;
    const bytes = items.reduce((sum: number, { sizeBytes }: { sizeBytes: number }) => sum + sizeBytes, 0);
    expect(await get(ImageTotalsRepository).sumOf(vehicleId)).toEqual(total(4, bytes));

    await call(service, 'DELETE', `/api/v1/images/${items[0].id}`, { token });
    await get(ImageTotalsService).flush();
    expect(await get(ImageTotalsRepository).sumOf(vehicleId)).toEqual(total(3, bytes - items[0].sizeBytes));
  });

  it('are counted from the records that were there before them, and repaired when they are wrong', async () => {
    const { vehicleId } = await newBox(service);
    await storeAll(vehicleId, [3, 3]);
    await store(vehicleId, 5, 'upload');
    await store(vehicleId, 8, 'adopted');
    await recount();
    const totals = get(ImageTotalsRepository);
    const parts = { uploadBytes: SIZE, adoptedBytes: SIZE };
    expect(await totals.sumOf(vehicleId)).toEqual({ count: 4, bytes: 4 * SIZE, ...parts });
    expect(await recount()).toBe(0);
    // As after a kill before the change was written, and one after another program deleted a record.
    const [stored] = await storeAll(vehicleId, [3]);
    const day = dayOfImageId(stored?.id ?? '');
    await old.collection('image_totals').updateOne({ _id: `${vehicleId}:${day}` } as never, {
      $set: { isStale: true, countedAt: new Date(0) },
    });
    expect(await recount()).toBe(1);
    expect(await totals.sumOf(vehicleId)).toEqual({ count: 5, bytes: 5 * SIZE, ...parts });
  });

  it('are not replaced by a count that is older than a change', async () => {
    const { vehicleId } = await newBox(service);
    const totals = get(ImageTotalsRepository);
    const key = { vehicleId, day: '2026-01-02' };
    await totals.add([{ ...key, ...total(2, 20) }]);
    const seen = { count: 2, bytes: 20 };
    await totals.add([{ ...key, ...total(1, 10) }]);
    expect(await totals.replace(key, seen, total(2, 20), new Date())).toBe(false);
    expect(await totals.replace(key, null, total(2, 20), new Date())).toBe(false);
    expect(await totals.sumOf(vehicleId)).toEqual(total(3, 30));
  });
});

describe('a vehicle over its quota', () => {
  it('still gets the pictures of its box stored, and has its own quota for uploads over the API', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    await get(ImageTotalsRepository).add([{ vehicleId, day: '2026-01-02', ...total(1, QUOTA) }]);
    const post = async (to: { url: string; socketUrl: string }, seed: number) =>
      (await postRaw(to, SNAPSHOT, formOf({ ambulance_id: boxCode }, [['a.jpg', await jpeg(seed)]]))).status;
    expect(await post(service, 60)).toBe(200);
    const strict = await service.another({ IMAGE_WHEN_FULL: 'refuse' });
    expect(await post(strict, 61)).toBe(200);
    await strict.stop();
    expect((await upload(service, { vehicleId, token, bytes: await jpeg(62) })).status).toBe(201);
  });
});

describe('retention', () => {
  it('by age deletes older pictures and uploads, and keeps the newest of a vehicle', async () => {
    const [one, quiet] = [await newBox(service), await newBox(service)];
    const gone = await storeAll(one.vehicleId, [90, 40, 31]);
    gone.push(await store(one.vehicleId, 50, 'upload'));
    const kept = [...(await storeAll(one.vehicleId, [29, 1])), await store(one.vehicleId, 95, 'adopted')];
    const [, last] = await storeAll(quiet.vehicleId, [100, 99]);
    await get(ImageRetention).sweep();
    expect(await idsOf(one.vehicleId)).toEqual(sorted(kept));
    expect(await idsOf(quiet.vehicleId)).toEqual([last?.id]);
    expect(gone.map(exists)).toEqual([false, false, false, false]);
    expect(kept.map(exists)).toEqual([true, true, true]);
    // The directory of a day goes with its last picture.
    expect(existsSync(join(volume.path, dirname(gone[0]?.path ?? '')))).toBe(false);
  });

  it('by size deletes the oldest pictures of boxes with all that belongs to them, and nothing that is shown', async () => {
    const { vehicleId } = await newBox(service);
    const uploaded = await store(vehicleId, 20, 'upload');
    // 31 x 50 kB, and 95 % of 1 MB may stay.
    const stored = await storeAll(
      vehicleId,
      Array.from({ length: 30 }, (_, n) => 19 - n * 0.5),
    );
    const [shown, ...others] = stored as [Stored, ...Stored[]];
    const name = ({ path }: Stored): string => `uploads/ambulance_images/${path}`;
    await old.collection('ambulance_images').insertOne({ images: { image0: name(shown) } });
    const historyOf = (n: number, ...of: Stored[]) => ({
      _id: new Types.ObjectId((others[n] as Stored).id.slice(0, 8) + randomBytes(8).toString('hex')),
      images: Object.fromEntries(of.map((each, place) => [`image${place}`, name(each)])),
    });
    const [gone, partly, later] = [
      historyOf(0, others[0] as Stored, others[1] as Stored),
      historyOf(2, others[2] as Stored, shown),
      historyOf(25, others[25] as Stored),
    ];
    await old.collection('ambulance_image_histories').insertMany([gone, partly, later]);
    const thumbnail = join(volume.path, thumbnailPath((others[0] as Stored).id, 320));
    await mkdir(dirname(thumbnail), { recursive: true });
    await writeFile(thumbnail, 'small');
    await forgetCount(vehicleId);
    await recount();

    const planner = get(RetentionPlanner);
    const rules = await planner.rules({ freeBytes: null, totalBytes: null });
    const plan = (await planner.plan(rules)).filter((each) => each.vehicleId === vehicleId);
    expect(plan).toMatchObject([{ reason: 'vehicle-size', images: 12, bytes: 12 * SIZE }]);
    expect(await idsOf(vehicleId)).toHaveLength(31);

    const before = await deletedBySize();
    await get(ImageRetention).sweep();
    expect(await idsOf(vehicleId)).toEqual(sorted([uploaded, shown, ...others.slice(12)]));
    expect(others.slice(0, 12).some(exists) || existsSync(thumbnail)).toBe(false);
    const ids = [gone, partly, later].map(({ _id }) => _id);
    const histories = await old.all('ambulance_image_histories', { _id: { $in: ids } });
    expect(histories.map(({ _id }) => String(_id)).sort()).toEqual(
      [partly, later].map(({ _id }) => String(_id)).sort(),
    );
    await get(ImageTotalsService).flush();
    expect(await get(ImageTotalsRepository).sumOf(vehicleId)).toEqual({
      ...total(19, 19 * SIZE),
      uploadBytes: SIZE,
    });
    expect((await deletedBySize()) - before).toBe(12);
    const log = await call(service, 'GET', '/api/v1/audit?limit=10', { token });
    const entries = log.body.items.filter(({ action }: { action: string }) => action === 'images.retention');
    expect(entries.slice(0, 2)).toMatchObject([
      { actor: { kind: 'service' }, details: { phase: 'ended', images: '12', bytes: String(12 * SIZE) } },
      { actor: { kind: 'service' }, details: { phase: 'begun' } },
    ]);
    expect(await get(ImageRetention).sweep()).toEqual({ images: 0, bytes: 0 });
  });
});
