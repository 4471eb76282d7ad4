import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts, startProcess, temporaryDirectory } from '../support/child-process.js';
import { call } from '../support/http.js';
import { CRASH, formOf, newBox, postJson, postRaw, SNAPSHOT, TRACKING } from '../support/old-boxes.js';
import { waitForEmptySpool } from '../support/legacy-spool.js';
import { imagesOf, jpeg } from '../support/pictures.js';
import { ADMIN } from '../support/test-service.js';
import { filesBelow } from '../support/test-volume.js';

const KILLS = Number(process.env['SAMSERVER_KILLS'] ?? 3);
const TIMEOUT_MS = 120_000 + KILLS * 20_000;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

interface Sent {
  readonly lats: number[];
  pictures: number;
  readonly crashes: Alarm[];
}

/** A crash report that got its success: when its first attempt began, and when the success arrived. */
interface Alarm {
  readonly fromMs: number;
  readonly toMs: number;
}

describe('kill -9 of the service', () => {
  it(
    'loses no position, picture or crash that an old box got a success for, and times rise strictly',
    async () => {
      const ports = await freePorts();
      const service = {
        url: `http://127.0.0.1:${ports.http}`,
        socketUrl: `http://127.0.0.1:${ports.socket}`,
      };
      const env = {
        DATA_DIR: directory.path,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        IMAGE_MIN_FREE_PCT: '0',
        // The boxes here send as fast as they get answers.
        LEGACY_POSTS_PER_S_PER_ADDRESS: '100000',
        LEGACY_POSITIONS_PER_S_PER_BOX: '100000',
        LEGACY_PICTURE_POSTS_PER_S_PER_BOX: '100000',
      };
      let program = await startProcess(ports, env);
      const logs: string[] = [];
      const boxes = [await newBox(service, '291'), await newBox(service, '292')];
      let isOver = false;
      /** A box repeats a request after 503 or without an answer. */
      const untilTaken = async (post: () => Promise<{ status: number }>): Promise<void> => {
        while ((await post().catch(() => ({ status: 0 }))).status !== 200) await sleep(50);
      };
      const senders = boxes.map(async ({ boxCode }, index): Promise<Sent> => {
        const sent: Sent = { lats: [], pictures: 0, crashes: [] };
        const port = index === 0 ? 'http' : 'socket';
        for (let n = 0; !isOver; n += 1) {
          const lat = Number((13.7 + index + n * 1e-5).toFixed(5));
          const report = {
            ambulance_id: boxCode,
            tracking_latitude: String(lat),
            tracking_longitude: '100.5',
          };
          await untilTaken(() => postJson(service, TRACKING, report, port));
          sent.lats.push(lat);
          if (n % 10 !== 0) continue;
          const picture = await jpeg(index * 1_000_000 + n);
          const form = (): FormData => formOf({ ambulance_id: boxCode }, [['a.jpg', picture]]);
          await untilTaken(() => postRaw(service, SNAPSHOT, form(), { port }));
          sent.pictures += 1;
          const fromMs = Date.now();
          await untilTaken(() => postJson(service, CRASH, report, port));
          sent.crashes.push({ fromMs, toMs: Date.now() });
        }
        return sent;
      });
      for (let kill = 0; kill < KILLS; kill += 1) {
        await sleep(300 + Math.random() * 900);
        await program.kill();
        logs.push(program.output);
        program = await startProcess(ports, env);
      }
      isOver = true;
      const sent = await Promise.all(senders);
      // A request during a start waits there, and 5 s longer when the process was killed.
      await waitForEmptySpool(join(directory.path, 'legacy-spool'));

      const whatHappened = async (missing: readonly number[], vehicleId: string, token: string) => {
        const path = `/api/v1/quarantine?limit=500&vehicleId=${vehicleId}`;
        const { body } = await call(service, 'GET', path, { token });
        const lines = [...logs, program.output].map((log) => log.slice(-3_000)).join('\n--- kill -9\n');
        return `not stored: ${missing.join(', ')}\nin quarantine: ${JSON.stringify(body).slice(0, 1_000)}\n${lines}`;
      };
      const files = new Set(await filesBelow(join(directory.path, 'images')));
      for (const [index, { vehicleId, boxCode, token }] of boxes.entries()) {
        const { lats, pictures, crashes } = sent[index] as Sent;
        const path = `/api/v1/vehicles/${vehicleId}/positions?limit=5000`;
        const { body } = await call(service, 'GET', path, { token });
        const history = body.items as { lat: number; time: string }[];
        expect(lats.length).toBeGreaterThan(KILLS);
        const missing = lats.filter((each) => !history.some(({ lat }) => lat === each));
        if (missing.length > 0) throw new Error(await whatHappened(missing, vehicleId, token));
        expect([...new Set(history.map(({ lat }) => lat))]).toEqual(lats);
        expect(new Set(history.map(({ time }) => time)).size).toBe(history.length);
        const images = (await imagesOf(service, vehicleId, token)).body.items;
        expect(images).toHaveLength(pictures);
        expect([...files].filter((file) => file.startsWith(`${boxCode}/`)).length).toBeGreaterThanOrEqual(
          pictures,
        );
        const listed = await call(service, 'GET', `/api/v1/crashes?limit=500&vehicleId=${vehicleId}`, {
          token,
        });
        const items = listed.body.items as { reportedAt: string }[];
        const storedMs = items.map(({ reportedAt }) => Date.parse(reportedAt));
        // Reports within a second are one crash.
        const isStored = ({ fromMs, toMs }: Alarm): boolean =>
          storedMs.some((atMs) => atMs > fromMs - 1_000 && atMs <= toMs);
        expect(crashes.filter((alarm) => !isStored(alarm))).toEqual([]);
        // A crash whose answer was lost is reported again and stored again: a box sends no id with it.
        expect(storedMs.length).toBeLessThanOrEqual(crashes.length + KILLS);
      }
      await program.kill('SIGTERM');
    },
    TIMEOUT_MS,
  );
});
