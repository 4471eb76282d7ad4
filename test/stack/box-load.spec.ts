import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { appendFile, stat } from 'node:fs/promises';
import { ApiClient, ApiSession } from '../../src/tools/client/index.js';
import {
  BoxPrograms,
  type BoxResult,
  describeWithBoxPrograms,
  makeFrames,
  PICTURES_EVERY_S,
} from './support/box-programs.js';
import { cpuS, describeOnEngine, inspect, memoryMb } from './support/engine.js';
import { insertPictureRecords, readStoredSince } from './support/picture-records.js';
import { Stack } from './support/stack.js';

/** `npm run soak` sets ten minutes and a million records. */
const DURATION_S = Number(process.env['SAMSERVER_BOX_LOAD_S'] ?? 10);
const RECORDS = Number(process.env['SAMSERVER_BOX_RECORDS'] ?? 20_000);
const IS_SOAK = DURATION_S >= 300;
/** Before anything is measured: the first posts compile code. */
const WARM_UP_S = Math.max(5, DURATION_S / 20);
/** The cost of the positions is measured alone first. */
const POSITIONS_S = Math.max(5, DURATION_S / 20);
const CODES = Array.from({ length: 16 }, (_, n) => String(291 + n));
/** Time-out of the boxes. */
const LIMIT_MS = 3_000;
/** Processor time for a request with two pictures. The aim counts in the soak, on a quiet machine. */
const MAX_PICTURES_MS = IS_SOAK ? 8 : 30;
/** Largest ratio of the figures with and without the records; the short run measures hundreds of requests only. */
const MAX_RATIO = IS_SOAK ? 1.2 : 3;

interface Figures {
  readonly cpuMsOfPictures: number;
}

const describeWithPrograms = await describeWithBoxPrograms(describeOnEngine);

describeWithPrograms(`the programs of ${CODES.length} old boxes, for ${DURATION_S} s`, () => {
  const programs = new BoxPrograms();
  let stack: Stack;
  let url = '';
  let vehicles: { id: string; code: string }[] = [];
  let frames = '';
  let before: Figures | undefined;

  beforeAll(async () => {
    stack = await Stack.make();
    await appendFile(
      stack.path('state/settings.env'),
      'LEGACY_COLLECTIONS=write\nLEGACY_TIME_ZONE=Asia/Bangkok\n',
    );
    await stack.start();
    await Promise.all(['blue', 'mongo'].map((service) => stack.untilHealthy(service)));
    url = `http://${await stack.addressOf('blue')}:5000`;
    vehicles = await makeVehicles();
    frames = stack.path('frames');
    // The second run sends other pictures than the first one: the same bytes would be known ones.
    const countFor = (seconds: number): number => 2 * (Math.ceil(seconds / PICTURES_EVERY_S) + 1);
    await makeFrames(`${frames}-warm-up`, countFor(WARM_UP_S), 0);
    await makeFrames(`${frames}-first`, countFor(DURATION_S), 1);
    await makeFrames(`${frames}-second`, countFor(DURATION_S), 2);
  }, 600_000);
  afterAll(async () => {
    programs.stop();
    await stack.close();
  }, 240_000);

  async function makeVehicles(): Promise<{ id: string; code: string }[]> {
    const { email, password } = await stack.admin();
    const session = new ApiSession(url, email, password);
    const api = new ApiClient(url, { accessToken: session.accessToken });
    const made = [];
    for (const code of CODES) {
      const vehicle = {
        callSign: `Box ${code}`,
        registration: `B ${code}`,
        type: 'als',
        boxCode: code,
      } as const;
      made.push({ id: (await api.createVehicle(vehicle)).id, code });
    }
    return made;
  }

  it(
    'get each position and picture acknowledged in time, and stored once',
    async () => {
      await programs.post({ url, codes: CODES, seconds: WARM_UP_S }, `${frames}-warm-up`);
      before = await load('first', 'without earlier records');
      expect(before.cpuMsOfPictures).toBeLessThan(MAX_PICTURES_MS);
    },
    (DURATION_S + 600) * 1_000,
  );

  it(
    `cost the same with ${RECORDS} pictures stored before`,
    async () => {
      await insertPictureRecords(stack, vehicles, RECORDS);
      const after = await load('second', `with ${RECORDS} earlier records`);
      expect(after.cpuMsOfPictures).toBeLessThan(MAX_PICTURES_MS);
      if (before) expect(after.cpuMsOfPictures / before.cpuMsOfPictures).toBeLessThan(MAX_RATIO);
    },
    (DURATION_S + 1_800) * 1_000,
  );

  /** Expects that every post is acknowledged in time and stored. */
  async function load(part: 'first' | 'second', what: string): Promise<Figures> {
    const [blue, mongo] = [stack.container('blue'), stack.container('mongo')];
    const options = { url, codes: CODES };
    const startedMs = Date.now();
    const cpu = (): Promise<number[]> => Promise.all([blue, mongo].map(cpuS));
    const samplesMb: number[] = [];
    const [atStart = NaN, mongoAtStart = NaN] = await cpu();
    const alone = await programs.post({ ...options, seconds: POSITIONS_S });
    const [afterPositions = NaN, mongoAfterPositions = NaN] = await cpu();
    const sampling = setInterval(() => void memoryMb(blue).then((mb) => samplesMb.push(mb)), 1_000);
    const { positions, pictures } = await programs
      .post({ ...options, seconds: DURATION_S }, `${frames}-${part}`)
      .finally(() => clearInterval(sampling));
    const [atEnd = NaN, mongoAtEnd = NaN] = await cpu();
    if (!pictures) throw new Error('no pictures');

    const posts = pictures.latenciesMs.length;
    const costMs = (used: number, ofPositions: number): number =>
      ((used - (ofPositions * DURATION_S) / POSITIONS_S) * 1_000) / posts;
    const cpuMsOfPictures = costMs(atEnd - afterPositions, afterPositions - atStart);
    const mongoMs = costMs(mongoAtEnd - mongoAfterPositions, mongoAfterPositions - mongoAtStart);
    const share = (atEnd - afterPositions) / DURATION_S;
    console.info(
      [
        `16 boxes for ${DURATION_S} s ${what}: ${text('positions', positions)}; ${text('picture posts', pictures)}`,
        `service: ${cpuMsOfPictures.toFixed(1)} ms of processor a picture post, ${(share * 100).toFixed(0)} % of a processor in all; ` +
          `memory median ${at(samplesMb, 0.5).toFixed(0)} MB, peak ${at(samplesMb, 1).toFixed(0)} MB; database ${mongoMs.toFixed(1)} ms a picture post`,
      ].join('\n'),
    );

    for (const result of [alone.positions, positions, pictures]) {
      expect(Object.keys(result.statuses)).toEqual(['200']);
      expect(at(result.latenciesMs, 1)).toBeLessThan(LIMIT_MS);
    }
    // Without a real load the test would prove nothing.
    expect(posts).toBeGreaterThan((CODES.length * DURATION_S * 0.9) / PICTURES_EVERY_S);
    expect(await inspect(blue, '.RestartCount')).toBe('0');
    expect(await inspect(blue, '.State.OOMKilled')).toBe('false');

    const stored = await readStoredSince(stack, startedMs);
    for (const { id, code } of vehicles) {
      const acknowledged = (alone.positions.byBox[code] ?? 0) + (positions.byBox[code] ?? 0);
      expect(stored.positions[id]).toBe(acknowledged);
      const paths = stored.pictures[id] ?? [];
      expect(new Set(paths).size).toBe(2 * (pictures.byBox[code] ?? 0));
      for (const path of paths)
        expect((await stat(stack.path('state/images', path))).size).toBeGreaterThan(10_000);
    }
    return { cpuMsOfPictures };
  }
});

/** @param part 1: the largest */
function at(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

function text(what: string, { statuses, latenciesMs }: BoxResult): string {
  const [p50, p99, max] = [0.5, 0.99, 1].map((part) => at(latenciesMs, part).toFixed(0));
  return `${latenciesMs.length} ${what} ${JSON.stringify(statuses)}, p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`;
}
