import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compareCommand } from '../../src/migration/compare/index.js';
import type { CompareReport } from '../../src/migration/compare/compare-report.js';
import { adoptCommand } from '../../src/migration/index.js';
import { type DefineCommand, runCommandLine } from '../../src/core/commands/index.js';
import { boxRequest, type BoxRequest, postAsBox, prepareJpegs } from '../../src/tools/boxes/index.js';
import { temporaryDirectory } from '../support/child-process.js';
import { OldDatabase } from '../support/old-database.js';
import { OldServer } from '../support/old-server.js';
import { until } from '../support/sockets.js';
import { ADMIN, JWT_SECRET, startTestService, type TestService } from '../support/test-service.js';
import { createTestVolume } from '../support/test-volume.js';

const BOXES = ['291', '292'];
const LAG_S = 5;
const jpegs = await prepareJpegs({ width: 64, height: 48 });

let volume: Awaited<ReturnType<typeof createTestVolume>>;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let old: OldServer;
let service: TestService;
let database: OldDatabase;
const startedMs = Date.now();

beforeAll(async () => {
  directory = await temporaryDirectory();
  volume = await createTestVolume();
  old = await OldServer.start();
  database = await OldDatabase.open(old.database.url);
  for (const code of BOXES) await database.addAmbulance(code);
  // Both on one database, as in a move; the old server writes the shared collections.
  const env = {
    ...volume.env,
    LEGACY_CLIENTS: 'on',
    // Nothing listens there. Without an address Samserver records no notification.
    PANEL_NOTIFICATION_URL: 'http://127.0.0.1:9/api/notification/postAmbulanceSpeedNotification',
    // The boxes here send as fast as they get answers.
    POSITION_MAX_SPEED_MPS: '10000',
    LEGACY_POSTS_PER_S_PER_ADDRESS: '100000',
    LEGACY_POSITIONS_PER_S_PER_BOX: '100000',
    LEGACY_PICTURE_POSTS_PER_S_PER_BOX: '100000',
  };
  // The first start makes the schema that `adopt` needs; a running service would load the boxes some seconds later.
  await (await startTestService(env, old.database)).stop();
  const adopted = await run(adoptCommand, 'adopt', [], { MONGODB_URL: old.database.url, JWT_SECRET });
  expect(adopted.exitCode).toBe(0);
  service = await startTestService(env, old.database);
});
afterAll(async () => {
  await database.close();
  await service.stop();
  await old.stop();
  await volume.remove();
  await directory.remove();
});

async function run(
  command: DefineCommand,
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ exitCode: number; out: string; err: string }> {
  const io = { out: '', err: '' };
  const exitCode = await runCommandLine(
    [name, ...args],
    {
      env,
      stdout: { write: (text) => (io.out += text) },
      stderr: { write: (text) => (io.err += text) },
      signal: new AbortController().signal,
    },
    [{ name, summary: '', load: () => Promise.resolve(command) }],
  );
  return { exitCode, ...io };
}

async function compare(...args: string[]): Promise<{ exitCode: number; report: CompareReport; err: string }> {
  const { exitCode, out, err } = await run(compareCommand, 'compare', [
    ...['--url', service.url, '--socket-url', service.socketUrl],
    ...['--email', ADMIN.email, '--password', ADMIN.password, '--json', ...args],
  ]);
  if (!out.startsWith('{')) throw new Error(`${exitCode}: ${err}`);
  return { exitCode, report: JSON.parse(out) as CompareReport, err };
}

const compareStores = (...args: string[]) =>
  compare(
    ...['--old-database', old.database.url, '--old-pictures', join(old.directory, 'public')],
    ...[
      '--from',
      new Date(startedMs - 60_000).toISOString(),
      '--to',
      new Date(Date.now() + 60_000).toISOString(),
    ],
    ...['--lag', String(LAG_S), ...args],
  );

async function post(request: BoxRequest, ...urls: string[]): Promise<void> {
  const answers = await Promise.all(urls.map((url) => postAsBox(url, request)));
  for (const answer of answers) expect(answer).toMatchObject({ kind: 'answered', status: 200 });
}
const both = (): [string, string] => [old.url, service.url];

/** Each position has another place and another speed, m/s. */
let posted = 0;
function position(box: string, speedMps: number): BoxRequest {
  posted += 1;
  return boxRequest.position(box, { lat: 13.7 + posted * 1e-4, lon: 100.5, speedMps, headingDeg: 90.5 });
}
const pictures = (box: string, n: number, mark = 'picture'): BoxRequest =>
  boxRequest.pictures(box, n, [jpegs.jpeg(`${mark} ${box} 1`, n), jpegs.jpeg(`${mark} ${box} 2`, n)]);

const count = async (collection: string): Promise<number> => (await database.all(collection)).length;
/** `type side kind box fields` */
const linesOf = ({ findings }: CompareReport): string[] =>
  findings.map(
    ({ type, side, kind, box, fields }) => `${type} ${side} ${kind} ${box} ${Object.keys(fields).join()}`,
  );

describe('samserver compare', () => {
  it('finds only known differences between two servers that got the same posts', async () => {
    for (const box of BOXES) {
      // The document of the vehicle, before the first history.
      await post(position(box, 1), ...both());
      await until(async () => (await database.all('ambulance_trackings')).length === BOXES.indexOf(box) + 1);
      for (let n = 0; n < 5; n += 1) await post(position(box, 5 + n / 7), ...both());
      // One after the other: the old server can lose one of two at the same time.
      for (let n = 0; n < 3; n += 1) {
        await post(pictures(box, n), ...both());
        await until(async () => (await count('ambulance_images')) === BOXES.indexOf(box) + 1, 'the pictures');
        await until(async () => (await count('ambulance_image_histories')) === BOXES.indexOf(box) * 2 + n);
      }
    }
    await until(async () => (await count('ambulance_tracking_histories')) === 10, 'the histories');
    // The crash ends the process of the old server, after its document is written.
    const fix = { lat: 13.75, lon: 100.5, speedMps: 12.345, headingDeg: 271.5 };
    await post(boxRequest.crash('291', fix), ...both());
    await until(async () => (await count('ambulance_crashes')) === 1 && old.restarts === 1, 'the crash');
    await old.whenUp();
    const html = join(directory.path, 'report.html');
    const { exitCode, report } = await compareStores('--html', html);
    expect({ findings: report.findings, problems: report.problems }).toEqual({ findings: [], problems: [] });
    expect(exitCode).toBe(0);
    expect(report.matched).toEqual({ tracking: 2, position: 10, picture: 12, crash: 1 });
    expect(report.known.map(({ name, count: n }) => [name, n])).toEqual([['first-position', 2]]);
    expect(await readFile(html, 'utf8')).toContain('No difference that is not known');
  });

  it('names a missing position, another value, a doubled picture, another picture and a late position', async () => {
    const [box, other] = BOXES as [string, string];
    await post(position(box, 20.1), old.url);
    await post(position(box, 20.2), service.url);
    const wrong = boxRequest.position(other, { lat: 13.9, lon: 100.5, speedMps: 21.1, headingDeg: 90.5 });
    const right = boxRequest.position(other, { lat: 13.9, lon: 100.5, speedMps: 21.2, headingDeg: 90.5 });
    await Promise.all([post(wrong, old.url), post(right, service.url)]);
    const histories = database.collection('ambulance_tracking_histories');
    // One after the other: the old server stores after its answer, and the older one of two can be written last.
    for (const [n, speedMps] of [22.1, 22.2].entries()) {
      await until(async () => (await count('ambulance_tracking_histories')) === 12 + n, 'the histories');
      await post(position(other, speedMps), ...both());
    }
    await until(async () => (await count('ambulance_tracking_histories')) === 14, 'the histories');
    const shift = async (speedMps: number, byS: number): Promise<void> => {
      const kmh = speedMps * 3.6;
      const range = { speed: { $gt: kmh - 0.01, $lt: kmh + 0.01 } };
      const [document] = await histories.find(range).toArray();
      const createdAt = new Date((document?.['createdAt'] as Date).getTime() - byS * 1_000);
      await histories.updateOne({ _id: document?._id }, { $set: { createdAt } });
    };
    // More than a lag window from the one that the old server lacks: they are two, and not one with another speed.
    await shift(20.1, 2 * LAG_S);
    await shift(22.1, LAG_S - 2);
    await shift(22.2, LAG_S + 20);
    // Twice to the old server; then different bytes to each.
    for (const urls of [both(), [old.url]]) {
      const before = await count('ambulance_image_histories');
      await post(pictures(box, 7), ...urls);
      await until(async () => (await count('ambulance_image_histories')) === before + 1, 'the pictures');
    }
    await Promise.all([post(pictures(other, 8, 'a'), old.url), post(pictures(other, 8, 'b'), service.url)]);
    await until(async () => (await count('ambulance_image_histories')) === 7, 'the pictures');
    await database.collection('ambulance_trackings').updateMany({}, { $set: { heading: 91 } });

    const { exitCode, report } = await compareStores();
    expect(exitCode).toBe(1);
    expect(linesOf(report).sort()).toEqual([
      'differs samserver picture 292 key',
      'differs samserver picture 292 key',
      'differs samserver position 292 key,speedKmh',
      'differs samserver tracking 291 key,lat,heading',
      'differs samserver tracking 292 heading',
      'doubled old picture 291 key',
      'doubled old picture 291 key',
      'late samserver position 292 key',
      'missing old position 291 key,speedKmh',
      'missing samserver position 291 key,speedKmh',
    ]);
    const valueOf = (type: string, side: string): unknown =>
      report.findings.find((each) => each.type === type && each.side === side && each.kind === 'position')
        ?.fields;
    expect(valueOf('missing', 'samserver')).toMatchObject({ speedKmh: { old: 72.36 } });
    expect(valueOf('missing', 'old')).toMatchObject({ speedKmh: { samserver: 72.72 } });
    expect(valueOf('differs', 'samserver')).toMatchObject({ speedKmh: { old: 75.96, samserver: 76.32 } });
    const late = report.findings.find(({ type }) => type === 'late');
    expect(late?.lagMs).toBeGreaterThan((LAG_S + 19) * 1_000);
    expect(report.counts.reduce((sum, each) => sum + each.count, 0)).toBe(10);
  });

  it('names the frames that one panel lacks, and compares the pages of an access log', async () => {
    const log = join(directory.path, 'access.log');
    const targets = ['/error_codes', '/nowhere', '/', '/socket.io/socket.io.js?v=4'];
    await writeFile(log, targets.map((target) => `- "GET ${target} HTTP/1.1" 200\n`).join(''));
    const args = ['--watch', '3', '--lag', '2', '--old-socket-url', old.socketUrl, '--old-url', old.url];
    let isOver = false;
    const comparing = compare(...args, '--access-log', log).finally(() => (isOver = true));
    // A failure of the posts below ends the test first.
    comparing.catch(() => undefined);
    // Every tenth post goes to the old server alone.
    for (let n = 0; !isOver; n += 1) {
      await post(position('291', 10 + n / 100), ...(n % 10 === 9 ? [old.url] : both()));
      await sleep(50);
    }
    const { exitCode, report } = await comparing;
    const frames = report.findings.filter(({ kind }) => kind === 'frame');
    expect(frames.length).toBeGreaterThan(0);
    for (const { type, side, fields } of frames) {
      expect([type, side]).toEqual(['missing', 'samserver']);
      const n = Math.round((Number(fields['tracking_speed']?.old) / 3.6 - 10) * 100);
      expect(n % 10).toBe(9);
    }
    expect(report.matched).toMatchObject({ get: 1, frame: expect.any(Number) });
    expect(report.known.map(({ name }) => name).sort()).toEqual(['title-page', 'unknown-path']);
    expect(report.latency.samserver?.count).toBe(3);
    expect(exitCode).toBe(1);
  });

  it('derives the speed notifications of the old server and names one that Samserver has not recorded', async () => {
    const drive = async (kmhs: readonly number[], ...urls: string[]): Promise<void> => {
      for (const kmh of kmhs) {
        const before = await count('ambulance_tracking_histories');
        await post(position('292', kmh / 3.6), ...urls);
        await until(async () => (await count('ambulance_tracking_histories')) > before, 'the history');
      }
    };
    await drive([130, 110, 60, 90, 70], ...both());
    const ofPanel = {
      audience: 'panel',
      type: { $in: ['above', 'below'].flatMap((way) => [`speed_${way}_80`, `speed_${way}_120`]) },
    };
    await until(async () => (await database.all('crew_events', ofPanel)).length === 5, 'the crew events');
    const notificationsOf = ({ findings }: CompareReport): string[] =>
      findings
        .filter(({ kind }) => kind === 'notification')
        .map(({ type, side, box, fields }) => `${type} ${side} ${box} ${String(fields['key']?.old)}`);
    const equal = (await compareStores('--notifications')).report;
    expect(notificationsOf(equal)).toEqual([]);
    expect(equal.matched.notification).toBe(5);
    await drive([95], old.url);
    const { report } = await compareStores('--notifications');
    expect(notificationsOf(report)).toEqual(['missing samserver 292 SPEED_ABOVE_80']);
  });
});
