import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdirSync, utimesSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Connection, createConnection } from 'mongoose';
import { serveEmbeddedMongo } from '../../src/embedded-mongo/index.js';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  freePorts,
  type Ports,
  Program,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { makeFleet } from '../support/fleet.js';
import { adminToken } from '../support/http.js';
import { writeOldPictures } from '../support/picture-tree.js';
import { download, imagesOf, jpegOfSize, upload } from '../support/pictures.js';
import { until } from '../support/sockets.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';
import { ADMIN, JWT_SECRET } from '../support/test-service.js';
import { DEPLOYMENT_ID, filesBelow } from '../support/test-volume.js';

/** Number of kills. Few, to keep CI short; `npm run soak` raises it. */
const KILLS = Number(process.env['SAMSERVER_KILLS'] ?? 5);
const TIMEOUT_MS = 120_000 + KILLS * 20_000;
/** 100 MB of them; `SAMSERVER_PICTURES=50000` for the long run. */
const OLD_PICTURES = Number(process.env['SAMSERVER_PICTURES'] ?? 5_000);

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const path = (name: string): string => join(directory.path, name);

/** Of the service in `directory`, which must not run. */
async function forgetLastSweep(): Promise<void> {
  const database = await serveEmbeddedMongo({ directory: path('db') });
  const connection = await createConnection(`${database.uri}samserver?retryWrites=false`).asPromise();
  await connection
    .collection<{ _id: string }>('leases')
    .updateOne({ _id: 'incoming-image-sweep' }, { $unset: { completedAt: '' } });
  await connection.close();
  await database.stop();
}

describe('kill -9 of the service', () => {
  let ports: Ports;
  const url = (): { url: string } => ({ url: `http://127.0.0.1:${ports.http}` });

  it(
    'at any moment of an upload leaves each image complete and once, and nothing else',
    async () => {
      ports = await freePorts();
      const env = {
        DATA_DIR: directory.path,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        IMAGE_MIN_FREE_PCT: '0',
      };
      let service = await startProcess(ports, env);
      const { vehicles } = await makeFleet(url().url, ADMIN, 3, 'K');
      let isOver = false;
      let resends = 0;
      const senders = vehicles.map(async ({ vehicleId, token }, index) => {
        const acknowledged = new Map<string, string>();
        for (let n = 0; !isOver; n += 1) {
          const bytes = await jpegOfSize(index * 100_000 + n, 100_000 + Math.floor(Math.random() * 900_000));
          for (;;) {
            const answer = await upload(url(), { vehicleId, token, bytes }).catch(() => null);
            if (answer?.status === 201) {
              acknowledged.set(answer.body.id, answer.body.sha256);
              break;
            }
            if (answer && answer.status < 500) throw new Error(`refused: ${JSON.stringify(answer.body)}`);
            resends += 1;
            await sleep(50);
          }
        }
        return { vehicleId, acknowledged };
      });
      for (let kill = 0; kill < KILLS; kill += 1) {
        await sleep(100 + Math.random() * 900);
        await service.kill();
        service = await startProcess(ports, env);
      }
      isOver = true;
      const sent = await Promise.all(senders);
      const token = await adminToken(url());
      for (const { vehicleId, acknowledged } of sent) {
        const kept = new Map<string, string>();
        for (const { id, sha256: hash, url: at } of (await imagesOf(url(), vehicleId, token)).body.items) {
          kept.set(id, hash);
          expect(sha256((await download(url(), at, token)).bytes)).toBe(hash);
        }
        expect(kept).toEqual(acknowledged);
      }
      await service.kill('SIGTERM');

      // One hour later the remaining files are orphans, and the sweep of the service is due.
      const incoming = path('images/.samserver/incoming');
      const leftBehind = readdirSync(incoming);
      for (const name of leftBehind) utimesSync(join(incoming, name), 1, 1);
      await forgetLastSweep();
      service = await startProcess(ports, env);
      await until(() => readdirSync(incoming).length === 0, 'the sweep');
      await service.kill('SIGTERM');
      const files = (await filesBelow(path('images'))).filter((file) => file.startsWith('samserver/'));
      expect(files.map((file) => /([0-9a-f]{24})\.jpg$/.exec(file)?.[1]).sort()).toEqual(
        sent.flatMap(({ acknowledged }) => [...acknowledged.keys()]).sort(),
      );
      console.info(
        `${KILLS} kills: ${files.length} images, each complete and once; ${resends} sent again, ${leftBehind.length} leftovers swept`,
      );
      // At least one kill must have hit an upload.
      expect(resends).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

describe('kill -9 of a command', () => {
  let database: TestDatabase;
  let connection: Connection;
  let paths: string[];
  beforeEach(async () => {
    database = await startTestDatabase();
    connection = await createConnection(database.url).asPromise();
    await mkdir(path('volume'));
    await writeFile(path('volume/.samserver-volume'), `${DEPLOYMENT_ID}\n`);
    paths = await writeOldPictures(path('volume'), OLD_PICTURES, 20_000);
  });
  afterEach(async () => {
    await connection.close();
    await database.stop();
  });

  const samserver = (...args: string[]): Program =>
    Program.start('cli.js', args, {
      MONGODB_URL: database.url,
      JWT_SECRET,
      IMAGE_DIR: path('volume'),
    });
  const images = async (...args: string[]): Promise<Record<string, number | null>> => {
    const program = samserver('images', ...args, '--json');
    const { code } = await program.exited;
    const line = program.output.split('\n').find((each) => each.startsWith('{'));
    return { ...(JSON.parse(line ?? '{}') as Record<string, number>), code };
  };

  /** Kills the command repeatedly after its work has begun. @returns how often it was killed before its end */
  async function killed(args: readonly string[], hasBegun: () => Promise<boolean>): Promise<number> {
    let hits = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const program = samserver('images', ...args);
      const ended = program.exited.then(() => true);
      await Promise.race([until(hasBegun, 'it to begin'), ended]);
      await sleep(Math.random() * 400);
      const { signal } = await program.kill();
      if (signal === 'SIGKILL') hits += 1;
    }
    return hits;
  }

  const someFiles = (name: string) => async (): Promise<boolean> =>
    (await filesBelow(path(name)).catch(() => [])).length > 20;

  it(
    'makes scan, backup and restore continue without loss and duplicates',
    async () => {
      expect(await samserver('schema', 'up').exited).toMatchObject({ code: 0 });
      const records = connection.collection('images');
      let before = 0;
      const scanHits = await killed(['scan'], async () => {
        const count = await records
          .find({}, { projection: { path: 1 } })
          .toArray()
          .then((all) => all.length);
        const hasGrown = count > before;
        before = Math.max(before, count);
        return hasGrown;
      });
      const scanned = await images('scan');
      expect(scanned).toMatchObject({ code: 0, files: OLD_PICTURES });
      expect((scanned['adopted'] ?? 0) + (scanned['known'] ?? 0)).toBe(OLD_PICTURES);
      expect(await images('scan')).toMatchObject({ code: 0, adopted: 0, known: OLD_PICTURES });

      const backupHits = await killed(['backup', path('backup')], someFiles('backup/files'));
      const backedUp = await images('backup', path('backup'));
      expect(backedUp).toMatchObject({ code: 0 });
      expect((backedUp['copied'] ?? 0) + (backedUp['kept'] ?? 0)).toBe(OLD_PICTURES);

      const restoreHits = await killed(
        ['restore', path('backup'), '--to', path('restored')],
        someFiles('restored'),
      );
      const restored = await images('restore', path('backup'), '--to', path('restored'));
      expect(restored).toMatchObject({ code: 0 });
      expect(restored['kept']).toBeGreaterThan(0);
      const plain = (await filesBelow(path('restored'))).filter((file) => !file.startsWith('.samserver'));
      expect(plain).toEqual([...paths].sort());
      const verified = await images('verify', path('restored'), '--manifest', path('backup'));
      expect(verified).toMatchObject({ code: 0, files: OLD_PICTURES, read: OLD_PICTURES, mismatched: 0 });
      console.info(
        `${KILLS} kills each: hit scan ${scanHits}, backup ${backupHits}, restore ${restoreHits} times`,
      );
      expect(Math.min(scanHits, backupHits, restoreHits)).toBeGreaterThan(0);
    },
    TIMEOUT_MS * 2,
  );
});
