import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  freePorts,
  type Ports,
  Program,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { adminToken, call } from '../support/http.js';
import { CRASH, formOf, postRaw, SNAPSHOT, TRACKING } from '../support/old-boxes.js';
import { waitForEmptySpool } from '../support/legacy-spool.js';
import { jpeg } from '../support/pictures.js';
import { until } from '../support/sockets.js';
import { ADMIN, JWT_SECRET, OPS_TOKEN } from '../support/test-service.js';
import { createTestVolume, type TestVolume } from '../support/test-volume.js';

/** Duration of the outage. */
const OUTAGE_S = Number(process.env['SAMSERVER_SPOOL_S'] ?? 9);
const BOXES = 16;
const POSITION_INTERVAL_MS = 1_000;
const PICTURE_INTERVAL_MS = 700;
/** The programs of the boxes wait for 2 or 3 s. */
const ANSWER_LIMIT_MS = 2_000;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let volume: TestVolume;
beforeEach(async () => {
  directory = await temporaryDirectory();
  volume = await createTestVolume();
});
afterEach(async () => {
  await directory.remove();
  await volume.remove();
});

/** What a box has sent, by its number; `answeredMs` is null without an answer: the process was killed. */
interface Sent {
  readonly n: number;
  status: number;
  answeredMs: number | null;
}

/** A box of the old system: it never repeats a request, and posts pictures without waiting for the answer. */
class Box {
  readonly positions: Sent[] = [];
  readonly pictures: Sent[] = [];
  readonly crashes: Sent[] = [];
  private readonly open = new Set<Promise<void>>();

  constructor(
    private readonly service: { url: string; socketUrl: string },
    readonly boxCode: string,
    readonly vehicleId: string,
    private readonly index: number,
  ) {}

  async run(isOver: () => boolean): Promise<void> {
    const positions = this.repeat(isOver, POSITION_INTERVAL_MS, () => this.position());
    const pictures = this.repeat(isOver, PICTURE_INTERVAL_MS, () => this.picture());
    await Promise.all([positions, pictures]);
    await Promise.all(this.open);
  }

  crash(): Promise<void> {
    return this.post(this.crashes, CRASH, () => this.report(0));
  }

  lat(n: number): number {
    return Number((13.7 + this.index * 0.01 + n * 1e-5).toFixed(5));
  }

  filename(n: number): string {
    return `${this.boxCode}-${n}.jpg`;
  }

  private async repeat(isOver: () => boolean, intervalMs: number, post: () => Promise<void>): Promise<void> {
    // Boxes do not send in step.
    await sleep((this.index / BOXES) * intervalMs);
    while (!isOver()) {
      const posting = post().finally(() => this.open.delete(posting));
      this.open.add(posting);
      await sleep(intervalMs);
    }
  }

  private position(): Promise<void> {
    return this.post(this.positions, TRACKING, (n) => this.report(n));
  }

  private report(n: number): URLSearchParams {
    return new URLSearchParams({
      ambulance_id: this.boxCode,
      tracking_latitude: String(this.lat(n)),
      tracking_longitude: '100.5',
      tracking_speed: '10',
      tracking_heading: '90',
    });
  }

  private async picture(): Promise<void> {
    const bytes = await jpeg(this.index * 100_000 + this.pictures.length);
    await this.post(this.pictures, SNAPSHOT, (n) =>
      formOf({ ambulance_id: this.boxCode }, [[this.filename(n), bytes]]),
    );
  }

  private async post(
    into: Sent[],
    path: string,
    bodyOf: (n: number) => URLSearchParams | FormData,
  ): Promise<void> {
    const sent: Sent = { n: into.length, status: 0, answeredMs: null };
    into.push(sent);
    const fromMs = performance.now();
    await postRaw(this.service, path, bodyOf(sent.n)).then(
      ({ status }) => {
        sent.status = status;
        sent.answeredMs = performance.now() - fromMs;
      },
      () => undefined,
    );
  }
}

async function startDatabaseAt(path: string, port: number): Promise<Program> {
  const program = Program.start('cli.js', ['db', '--directory', path, '--port', String(port)], {});
  await program.waitForOutput(/MONGODB_URL=(\S+)/);
  return program;
}

/** Starts the service during an outage, when it cannot become ready, and waits until it answers. */
async function startDuringOutage(ports: Ports, env: Record<string, string>): Promise<Program> {
  const program = Program.start('main.js', [], {
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: String(ports.http),
    SOCKET_SERVER_PORT: String(ports.socket),
    LOG_LEVEL: 'warn',
    ...env,
  });
  const isUp = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${ports.http}/health`).then(
      () => true,
      () => false,
    );
  await until(isUp, 'the service');
  return program;
}

const numbersOf = (sent: readonly Sent[]): number[] =>
  sent.filter(({ status }) => status === 200).map(({ n }) => n);

describe('an outage of the database with a kill -9 of the service in it', () => {
  it(
    'loses no request of 16 boxes: each is answered within 2 s, and each accepted one is stored once, in order',
    async () => {
      const ports = await freePorts();
      const database = { path: join(directory.path, 'db'), port: (await freePorts()).http };
      const service = {
        url: `http://127.0.0.1:${ports.http}`,
        socketUrl: `http://127.0.0.1:${ports.socket}`,
      };
      await mkdir(database.path);
      const env = {
        MONGODB_URL: `mongodb://127.0.0.1:${database.port}/samserver_test_spool?retryWrites=false&directConnection=true`,
        SCHEMA_ON_START: 'up',
        JWT_SECRET,
        OPS_TOKEN,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        LEGACY_SPOOL_DIR: join(directory.path, 'spool'),
        ...volume.env,
      };
      let mongo = await startDatabaseAt(database.path, database.port);
      let program = await startProcess(ports, env);
      const token = await adminToken(service);
      const boxes: Box[] = [];
      for (let index = 0; index < BOXES; index += 1) {
        const boxCode = String(300 + index);
        const body = { callSign: `S${index}`, registration: `S${index}`, type: 'als', boxCode };
        const vehicle = (await call(service, 'POST', '/api/v1/vehicles', { token, body })).body;
        boxes.push(new Box(service, boxCode, vehicle.id as string, index));
      }
      let isOver = false;
      const running = Promise.all(boxes.map((box) => box.run(() => isOver)));
      await until(() => boxes.every(({ pictures }) => numbersOf(pictures).length > 0), 'the first pictures');

      mongo.child.kill('SIGSTOP');
      const thirdMs = (OUTAGE_S * 1_000) / 3;
      await sleep(thirdMs);
      // An alarm of a contact that bounces.
      await Promise.all([boxes[3]?.crash(), boxes[3]?.crash()]);
      await sleep(thirdMs / 2);
      await program.kill();
      program = await startDuringOutage(ports, env);
      await boxes[4]?.crash();
      await sleep(thirdMs / 2);
      await mongo.kill();
      await sleep(thirdMs);
      mongo = await startDatabaseAt(database.path, database.port);

      await waitForEmptySpool(env.LEGACY_SPOOL_DIR);
      isOver = true;
      await running;
      await waitForEmptySpool(env.LEGACY_SPOOL_DIR);

      const all = boxes.flatMap(({ positions, pictures, crashes }) => [
        ...positions,
        ...pictures,
        ...crashes,
      ]);
      const answered = all.filter(({ answeredMs }) => answeredMs !== null);
      const slowestMs = Math.max(...answered.map(({ answeredMs }) => answeredMs ?? 0));
      const counts = { sent: all.length, answered: answered.length, slowestMs: Math.round(slowestMs) };
      // Without an answer are only those in flight at the kill, and those until the next process listened.
      expect({ ...counts, refused: answered.filter(({ status }) => status !== 200).length }).toEqual({
        ...counts,
        refused: 0,
      });
      expect(slowestMs).toBeLessThan(ANSWER_LIMIT_MS);
      for (const box of boxes) {
        const { vehicleId } = box;
        const history = await itemsOf<{ lat: number }>(`vehicles/${vehicleId}/positions?limit=5000`);
        const lats = history.map(({ lat }) => lat);
        expect(new Set(lats).size).toBe(lats.length);
        expect(lats).toEqual([...lats].sort((a, b) => a - b));
        expect(lats).toEqual(expect.arrayContaining(numbersOf(box.positions).map((n) => box.lat(n))));
        const images = await itemsOf<{ filename: string }>(`vehicles/${vehicleId}/images?limit=500`);
        const names = images.map(({ filename }) => filename);
        expect(new Set(names).size).toBe(names.length);
        expect(names).toEqual(expect.arrayContaining(numbersOf(box.pictures).map((n) => box.filename(n))));
        const crashes = await itemsOf(`crashes?vehicleId=${vehicleId}`);
        expect(crashes).toHaveLength(box.crashes.length > 0 ? 1 : 0);
      }
      console.info(JSON.stringify(counts));
      await program.kill('SIGTERM');
      await mongo.kill('SIGTERM');

      async function itemsOf<T>(path: string): Promise<T[]> {
        const items: T[] = [];
        for (let cursor = ''; ;) {
          const { body } = await call(service, 'GET', `/api/v1/${path}${cursor}`, { token });
          items.push(...(body.items as T[]));
          if (body.nextCursor === null) return items;
          cursor = `&cursor=${body.nextCursor}`;
        }
      }
    },
    180_000 + OUTAGE_S * 3_000,
  );
});
