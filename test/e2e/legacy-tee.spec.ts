import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endingClassOf } from '../../src/legacy/tee/ending-posts.js';
import type { LegacyFields } from '../../src/legacy/legacy-fields.js';
import { freePorts, startProcess, temporaryDirectory } from '../support/child-process.js';
import { adminToken, call } from '../support/http.js';
import { CRASH, formOf, postJson, postRaw, SNAPSHOT, TRACKING } from '../support/old-boxes.js';
import { OldDatabase } from '../support/old-database.js';
import { OldServer } from '../support/old-server.js';
import { jpeg } from '../support/pictures.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { ADMIN, JWT_SECRET, OPS_TOKEN } from '../support/test-service.js';
import { createTestVolume, filesBelow, type TestVolume } from '../support/test-volume.js';

/** Duration of the load. */
const LOAD_S = Number(process.env['SAMSERVER_TEE_S'] ?? 12);
const BOXES = 16;
const POSITION_INTERVAL_MS = 1_000;
const PICTURE_INTERVAL_MS = 700;
/** km/h that the old server stores for each step of the sequence number: its histories have no place. */
const KMH_STEP = 0.36;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let volume: TestVolume;
let old: OldServer;
let database: OldDatabase;
beforeEach(async () => {
  directory = await temporaryDirectory();
  volume = await createTestVolume();
  old = await OldServer.start();
  database = await OldDatabase.open(old.database.url);
});
afterEach(async () => {
  await database.close();
  await old.stop();
  await directory.remove();
  await volume.remove();
});

interface Sent {
  readonly n: number;
  readonly atMs: number;
  status: number;
  answeredMs: number | null;
  sha256: string;
}

/** A box that reaches this service only. It never repeats a request, and posts pictures without waiting for the answer. */
class Box {
  readonly positions: Sent[] = [];
  readonly pictures: Sent[] = [];
  readonly crashes: Sent[] = [];
  private readonly open = new Set<Promise<void>>();

  constructor(
    private readonly service: { url: string; socketUrl: string },
    readonly boxCode: string,
    readonly id: string,
    private readonly index: number,
  ) {}

  async run(isOver: () => boolean): Promise<void> {
    const positions = this.repeat(isOver, POSITION_INTERVAL_MS, () => this.position());
    const pictures = this.repeat(isOver, PICTURE_INTERVAL_MS, () => this.picture());
    await Promise.all([positions, pictures]);
    await Promise.all(this.open);
  }

  crash(): Promise<void> {
    return this.post(this.crashes, CRASH, this.report(0));
  }

  lat(n: number): number {
    return Number((13.7 + this.index * 0.01 + n * 1e-5).toFixed(5));
  }

  report(n: number): URLSearchParams {
    return new URLSearchParams({
      ambulance_id: this.boxCode,
      tracking_latitude: String(this.lat(n)),
      tracking_longitude: '100.5',
      tracking_speed: String((n * KMH_STEP) / 3.6),
      tracking_heading: '90',
    });
  }

  private async repeat(isOver: () => boolean, intervalMs: number, post: () => Promise<void>): Promise<void> {
    await sleep((this.index / BOXES) * intervalMs);
    while (!isOver()) {
      const posting = post().finally(() => this.open.delete(posting));
      this.open.add(posting);
      await sleep(intervalMs);
    }
  }

  private position(): Promise<void> {
    // 0 is the position that makes the vehicle's document on the old side.
    return this.post(this.positions, TRACKING, this.report(this.positions.length + 1));
  }

  private async picture(): Promise<void> {
    const bytes = await jpeg(this.index * 100_000 + this.pictures.length);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await this.post(
      this.pictures,
      SNAPSHOT,
      formOf({ ambulance_id: this.boxCode }, [['im1.jpg', bytes]]),
      sha256,
    );
  }

  private async post(
    into: Sent[],
    path: string,
    body: URLSearchParams | FormData,
    sha256 = '',
  ): Promise<void> {
    const sent: Sent = { n: into.length + 1, atMs: Date.now(), status: 0, answeredMs: null, sha256 };
    into.push(sent);
    const fromMs = performance.now();
    await postRaw(this.service, path, body).then(
      ({ status }) => {
        sent.status = status;
        sent.answeredMs = performance.now() - fromMs;
      },
      () => undefined,
    );
  }
}

const accepted = (sent: readonly Sent[]): Sent[] => sent.filter(({ status }) => status === 200);
const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round((sorted[Math.ceil(sorted.length * share) - 1] ?? NaN) * 10) / 10;
};
/** Upper bound of the bucket of the tee's delay that has this share, seconds. */
function bucketOf(scrape: Scrape, share: number): number {
  const samples = scrape.samples.filter(({ name }) => name === 'samserver_legacy_tee_added_seconds_bucket');
  const sums = new Map<string, number>();
  for (const { labels, value } of samples)
    sums.set(labels['le'] ?? '', (sums.get(labels['le'] ?? '') ?? 0) + value);
  const count = sums.get('+Inf') ?? 0;
  return Number([...sums].find(([, sum]) => sum >= share * count)?.[0].replace('+Inf', 'Infinity') ?? NaN);
}
const countsOf = (values: Iterable<string | number>): Map<string | number, number> => {
  const counts = new Map<string | number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
};

describe('boxes that reach this service while the old server has the role', () => {
  it(
    'are complete on both sides, once, or named: the old server is killed twice and this service once',
    async () => {
      const ports = await freePorts();
      const service = {
        url: `http://127.0.0.1:${ports.http}`,
        socketUrl: `http://127.0.0.1:${ports.socket}`,
      };
      const env = {
        MONGODB_URL: old.database.url,
        SCHEMA_ON_START: 'up',
        JWT_SECRET,
        OPS_TOKEN,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        LEGACY_ROLES: 'old',
        LEGACY_TEE_URL: old.url,
        LEGACY_SPOOL_DIR: join(directory.path, 'spool'),
        LEGACY_SHADOW_DIR: join(directory.path, 'shadow'),
        ...volume.env,
      };
      const codes = Array.from({ length: BOXES }, (_, index) => String(300 + index));
      const ids = await Promise.all(codes.map((code) => database.addAmbulance(code)));
      let program = await startProcess(ports, env);
      const token = await adminToken(service);
      const boxes = codes.map((code, index) => new Box(service, code, ids[index] ?? '', index));
      for (const [index, code] of codes.entries()) {
        const body = { callSign: `T${index}`, registration: `T${index}`, type: 'als', boxCode: code };
        // 409 when the job of the move was faster.
        await call(service, 'POST', '/api/v1/vehicles', { token, body });
      }
      const { body: list } = await call(service, 'GET', '/api/v1/vehicles?limit=500', { token });
      const vehicleOf = new Map(
        (list.items as { id: string; boxCode: string }[]).map(({ id, boxCode }) => [boxCode, id]),
      );
      for (const box of boxes) await postRaw(old, TRACKING, box.report(0));
      await until(async () => (await database.all('ambulance_trackings')).length === BOXES, 'documents');

      let isOver = false;
      const killOld = (): void => old.signal('SIGKILL');
      const running = Promise.all(boxes.map((box) => box.run(() => isOver)));
      const stepMs = (LOAD_S * 1_000) / 6;
      await sleep(stepMs);
      killOld();
      await sleep(stepMs);
      // It ends the old server.
      await boxes[3]?.crash();
      await sleep(stepMs);
      // Posts are on their way at the kill: the old server accepts connections and does not answer.
      old.signal('SIGSTOP');
      await sleep(500);
      const before = await Scrape.of(service);
      const killedMs = Date.now();
      await program.kill();
      old.signal('SIGCONT');
      program = await startProcess(ports, env);
      const restartedMs = Date.now();
      await sleep(stepMs);
      killOld();
      await sleep(stepMs);
      isOver = true;
      await running;
      const isDrained = async (): Promise<boolean> =>
        (await call(service, 'GET', '/api/v1/ops/legacy-tee', { token: OPS_TOKEN })).body.isDrained === true;
      await until(isDrained, 'a drained tee');
      await old.whenUp();

      /** @throws when a post is missing and not named */
      const reconcile = async () => {
        const owed = await database.all('legacy_owed');
        // The old server answers first and stores later: what it has answered can be lost there.
        const wasAnswered = (line: string): boolean => old.output.includes(`answers ${line}\n`);
        const files = await filesBelow(old.pictures);
        const hashes = await Promise.all(
          files.map(async (file) =>
            createHash('sha256')
              .update(await readFile(join(old.pictures, file)))
              .digest('hex'),
          ),
        );
        const oldPictures = countsOf(hashes);
        const missing = { owed: 0, lostByTheOldServer: 0 };
        for (const box of boxes) {
          const vehicleId = vehicleOf.get(box.boxCode) ?? '';
          // Here: each accepted one once.
          const { body } = await call(service, 'GET', `/api/v1/vehicles/${vehicleId}/positions?limit=5000`, {
            token,
          });
          const positions = body.items as { lat: number; time: string }[];
          const here = countsOf(positions.map(({ lat }) => lat));
          expect([...here.values()].filter((count) => count > 1)).toEqual([]);
          for (const { n } of accepted(box.positions)) expect(here.get(box.lat(n))).toBe(1);
          // There: each accepted one once, or owed.
          const histories = await database.all('ambulance_tracking_histories', {
            ambulance_id: OldDatabase.id(box.id),
          });
          const there = countsOf(histories.map(({ speed }) => Math.round(speed / KMH_STEP)));
          expect([...there.values()].filter((count) => count > 1)).toEqual([]);
          const owedOfBox = owed.filter((item) => item.vehicleId === vehicleId);
          const owedTimes = new Set(
            owedOfBox.filter(({ kind }) => kind === 'position').map(({ recordId }) => Number(recordId)),
          );
          const owedLats = new Set(
            positions.filter(({ time }) => owedTimes.has(Date.parse(time))).map(({ lat }) => lat),
          );
          const explain = (sent: Sent, isOwed: boolean, line: string): void => {
            if (isOwed) missing.owed += 1;
            else if (wasAnswered(line)) missing.lostByTheOldServer += 1;
            else
              throw new Error(
                `missing on the old side, and not named: ${JSON.stringify({ box: box.boxCode, ...sent })}`,
              );
          };
          for (const sent of accepted(box.positions))
            if (!there.has(sent.n))
              explain(
                sent,
                owedLats.has(box.lat(sent.n)),
                `position ${box.boxCode} ${box.report(sent.n).get('tracking_speed')}`,
              );
          // The record of a picture request is its time of receipt.
          const isPictureOwed = ({ atMs, answeredMs }: Sent): boolean =>
            owedOfBox.some(
              ({ kind, recordId }) =>
                kind === 'picture' &&
                Number(recordId) >= atMs &&
                Number(recordId) <= atMs + (answeredMs ?? 0),
            );
          for (const sent of accepted(box.pictures)) {
            expect(oldPictures.get(sent.sha256) ?? 0).toBeLessThanOrEqual(1);
            if (!oldPictures.has(sent.sha256)) explain(sent, isPictureOwed(sent), `picture ${sent.sha256}`);
          }
          const crashes = await database.all('ambulance_crashes', { ambulance_id: OldDatabase.id(box.id) });
          expect(crashes).toHaveLength(accepted(box.crashes).length);
        }
        return { owed, missing };
      };
      // The old server answers before it stores.
      await until(
        () =>
          reconcile().then(
            () => true,
            () => false,
          ),
        'the posts in the stores',
      ).catch(() => undefined);
      const { owed, missing } = await reconcile();
      const all = boxes.flatMap(({ positions, pictures, crashes }) => [
        ...positions,
        ...pictures,
        ...crashes,
      ]);
      const isDuringRestart = ({ atMs }: Sent): boolean =>
        atMs > killedMs - 2_000 && atMs < restartedMs + 1_000;
      expect(all.filter((sent) => sent.status !== 200 && !isDuringRestart(sent))).toEqual([]);
      const after = await Scrape.of(service);
      const posts = (outcome: string): number =>
        [before, after].reduce(
          (sum, scrape) => sum + (scrape.value('samserver_legacy_tee_posts_total', { outcome }) ?? 0),
          0,
        );
      const answers = all.flatMap(({ answeredMs }) => answeredMs ?? []);
      const added = (name: string): number => after.value(`samserver_legacy_tee_added_seconds_${name}`) ?? 0;
      console.info(
        JSON.stringify({
          sent: all.length,
          accepted: accepted(all).length,
          taken: posts('taken'),
          uncertain: posts('uncertain'),
          expired: posts('expired'),
          owed: owed.length,
          missing,
          answerMs: { p50: percentile(answers, 0.5), p99: percentile(answers, 0.99) },
          addedMs: {
            mean: Math.round((added('sum') / added('count')) * 100_000) / 100,
            p99Below: bucketOf(after, 0.99) * 1_000,
          },
        }),
      );
      expect(missing.owed).toBeLessThanOrEqual(owed.length);
      await program.kill('SIGTERM');
    },
    180_000 + LOAD_S * 3_000,
  );
});

const GOOD = {
  ambulance_id: '291',
  tracking_latitude: '13.7563',
  tracking_longitude: '100.5018',
  tracking_speed: '10',
  tracking_heading: '90',
};

describe('what ends the old server', () => {
  /** `source_location` is set, so the distance from it is computed. */
  const newBox = async (): Promise<void> => {
    const id = await database.addAmbulance('291');
    await postJson(old, TRACKING, GOOD);
    await until(async () => (await database.all('ambulance_trackings')).length === 1, 'a document');
    const $set = { source_location: { lat: 13, lon: 100 } };
    await database
      .collection('ambulance_trackings')
      .updateOne({ ambulance_id: OldDatabase.id(id) }, { $set });
  };

  const ENDING: readonly (readonly [string, LegacyFields])[] = [
    ['no speed', { ...GOOD, tracking_speed: undefined }],
    ['a speed that is "nan"', { ...GOOD, tracking_speed: 'nan' }],
    ['an empty speed', { ...GOOD, tracking_speed: '' }],
    ['a speed of null', { ...GOOD, tracking_speed: null }],
    ['a speed that is true', { ...GOOD, tracking_speed: true }],
    ['an infinite latitude', { ...GOOD, tracking_latitude: '1e999' }],
    ['a latitude that is an empty list', { ...GOOD, tracking_latitude: [] }],
    ['a longitude that is a list', { ...GOOD, tracking_longitude: ['100.5'] }],
    ['a box code that is an object', { ...GOOD, ambulance_id: { a: 1 } }],
  ];
  const HARMLESS: readonly (readonly [string, LegacyFields])[] = [
    ['no place', { ...GOOD, tracking_latitude: undefined, tracking_longitude: null }],
    ['a place that is text', { ...GOOD, tracking_latitude: 'north' }],
    ['an empty latitude', { ...GOOD, tracking_latitude: '' }],
    ['a speed with a unit', { ...GOOD, tracking_speed: '12 m/s' }],
    ['a negative speed', { ...GOOD, tracking_speed: '-3' }],
    ['a heading that is "nan"', { ...GOOD, tracking_heading: 'nan' }],
    ['numbers', { ...GOOD, ambulance_id: 291, tracking_speed: 4.7e-5, tracking_latitude: 13 }],
    ['further fields', { ...GOOD, extra: { deep: [1] }, ambulance_box_code: '291' }],
    ['a box that it does not know', { ...GOOD, ambulance_id: '999' }],
  ];

  it('is withheld, and nothing else', async () => {
    await newBox();
    for (const [name, fields] of ENDING) {
      const { restarts } = old;
      await postJson(old, TRACKING, fields).catch(() => undefined);
      await until(() => old.restarts === restarts + 1, `the end of the old server after ${name}`);
      await old.whenUp();
      expect([name, endingClassOf({ kind: 'position', fields })]).not.toEqual([name, null]);
    }
    const { restarts } = old;
    for (const [name, fields] of HARMLESS) {
      expect([name, (await postJson(old, TRACKING, fields)).status]).toEqual([name, expect.any(Number)]);
      expect([name, endingClassOf({ kind: 'position', fields })]).toEqual([name, null]);
    }
    // A later post is stored, so none of them has ended it.
    const stored = async () => (await database.all('ambulance_tracking_histories')).length;
    const before = await stored();
    await postJson(old, TRACKING, GOOD);
    await until(async () => (await stored()) > before, 'a stored post');
    expect(old.restarts).toBe(restarts);
  });

  it('is a form with brackets in its names, and a file name with a long extension', async () => {
    await newBox();
    const brackets = 'ambulance_id[a]=291&tracking_latitude=13&tracking_longitude=100&tracking_speed=1';
    const name = `im1.${'x'.repeat(300)}`;
    const posts = [
      () => postRaw(old, TRACKING, brackets, { type: 'application/x-www-form-urlencoded' }),
      () => postRaw(old, SNAPSHOT, formOf({ ambulance_id: '291' }, [[name, Buffer.from('x')]])),
    ];
    for (const post of posts) {
      const { restarts } = old;
      await post().catch(() => undefined);
      await until(() => old.restarts === restarts + 1, 'the end of the old server');
      await old.whenUp();
    }
    const fields = Object.fromEntries(new URLSearchParams(brackets));
    expect(endingClassOf({ kind: 'position', fields })).toBe('nested');
    expect(endingClassOf({ kind: 'picture', fields: { ambulance_id: '291' }, filenames: [name] })).toBe(
      'name',
    );
    // Text that the old server takes as a name.
    expect(
      endingClassOf({ kind: 'picture', fields: { ambulance_id: '291' }, filenames: ['im1.jpg', 'x'] }),
    ).toBeNull();
  });
});
