import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { distanceM } from '../../src/core/index.js';
import { isRealMongo } from '../support/embedded-mongo.js';
import { OldDatabase } from '../support/old-database.js';
import {
  appDetail,
  appList,
  crashDetail,
  datedReport,
  ongoingList,
  type Period,
  requestDetails,
  type Row,
  speedReport,
  tvBoard,
} from './readers.js';
import {
  ASSIGNED,
  BOXES,
  codeOf,
  DRIVE_KMH,
  FAST,
  JOURNEY,
  ReplayedHour,
  SILENT,
  WITH_PICTURES,
} from './replayed-hour.js';

/**
 * An hour of sixteen boxes is replayed, and every program that reads the old collections must show every row. The readers
 * that join run on an engine that aggregates: `TEST_MONGODB_URL`, in CI the stage "Another database engine".
 */
const itAggregates = isRealMongo ? it : it.skip;

let hour: ReplayedHour;
let period: Period;
/** Screens in minute 30, while the request is open. */
let during: { readonly list: Row[]; readonly details: Row[]; readonly tv: Row[] } | null = null;
beforeAll(async () => {
  hour = await ReplayedHour.begin();
  const { database } = hour;
  await hour.play(0, 20);
  await hour.assign();
  await hour.play(20, 30);
  if (isRealMongo)
    during = {
      list: await ongoingList(database, hour.now),
      details: await requestDetails(database, hour.now),
      tv: await tvBoard(database, hour.now),
    };
  await hour.crash(4, '271.5', (id) => crashDetail(database, id));
  await hour.play(30, 45);
  await hour.complete();
  await hour.crash(6, 'nan', (id) => crashDetail(database, id));
  await hour.play(45, 60);
  period = { from: new Date(hour.startMs), to: hour.now };
});
afterAll(() => hour.end());

const boxes = [...Array(BOXES).keys()];
/** The row of a box at its last position before a moment. */
function measuredOf(box: number, beforeMs: number, isAssigned: boolean): Row {
  const { atMs = 0, kmh = 0 } = hour.lastPosition(box, beforeMs);
  const location = hour.placeOf(box, atMs);
  const minutes = distanceM(location, JOURNEY.destination) / (kmh / 3.6) / 60;
  const covered = distanceM(JOURNEY.source, location) / 1_000;
  return {
    code: codeOf(box),
    // The box sends m/s: 30 km/h come back as a little more.
    speed: Math.ceil((kmh / 3.6) * 3.6),
    heading: 90.5,
    location,
    assigned: isAssigned ? 1 : 0,
    estimated_time: isAssigned ? Math.trunc(minutes) : 0,
    covered_distance: isAssigned ? expect.closeTo(covered, 6) : 0,
    ...(isAssigned && { request_type: 'REF' }),
  };
}

describe('lists of vehicles', () => {
  itAggregates('show every vehicle that reports, the assigned one with its time left and distance', () => {
    const now = hour.startMs + 30 * 60_000;
    const expected = boxes.map((box) => ({ ...measuredOf(box, now, box === ASSIGNED), online: 1 }));
    expect(during?.list).toEqual(expected);
    expect(during?.tv).toEqual([
      {
        ...expected[ASSIGNED],
        code: Number(codeOf(ASSIGNED)),
        covered_distance: Math.trunc(
          distanceM(JOURNEY.source, hour.placeOf(ASSIGNED, hour.lastPosition(ASSIGNED, now).atMs ?? 0)) /
            1_000,
        ),
      },
    ]);
  });

  itAggregates(
    'show 0 for both after the end of the request, and leave out a vehicle that is silent',
    async () => {
      const rows = await ongoingList(hour.database, hour.now);
      const reporting = boxes.filter((box) => box !== SILENT);
      const expected = reporting.map((box) => ({ ...measuredOf(box, Infinity, false), online: 1 }));
      expect(rows).toEqual(expected);
      expect(await tvBoard(hour.database, hour.now)).toEqual([]);
      const all = boxes.map((box) => ({ code: codeOf(box), online: box === SILENT ? 0 : 1, assigned: 0 }));
      expect(await appList(hour.database, hour.now)).toEqual(all);
    },
  );

  itAggregates('of the app show a silent vehicle as off, without a guard', async () => {
    const online = await Promise.all(
      [FAST, SILENT].map((box) => appDetail(hour.database, hour.now, codeOf(box))),
    );
    expect(online).toMatchObject([[{ online: 1, speed: 25 }], [{ online: 0, speed: 35, estimated_time: 0 }]]);
  });

  itAggregates('show the pictures of the newest request', async () => {
    const rows = await requestDetails(hour.database, hour.now);
    expect([during?.details.length, rows.length]).toEqual([WITH_PICTURES.length, WITH_PICTURES.length]);
    const name = expect.stringMatching(/^uploads\/ambulance_images\/28[12]\/\d{4}\//);
    for (const row of rows) expect(row).toMatchObject({ images: { image0: name, image1: name } });
  });
});

describe('crashes', () => {
  it('are there when a panel reads them as soon as it gets the frame', () => {
    expect(hour.happened.crashes.map(({ sawDocument }) => sawDocument)).toEqual([true, true]);
  });

  it('are in the report of the day, newest first, and in the detail with every key that the page opens', async () => {
    const rows = await datedReport(hour.database, 'ambulance_crashes', period);
    const [first, second] = hour.happened.crashes;
    expect(rows.map(({ _id }) => String(_id))).toEqual([second?.id, first?.id]);
    const details = await Promise.all(hour.happened.crashes.map(({ id }) => crashDetail(hour.database, id)));
    const detail = { location_detail: { address: '', image: '' }, speed: 30 };
    expect(details).toEqual(
      hour.happened.crashes.map(({ box, atMs }) => ({
        ...detail,
        code: codeOf(box),
        location: hour.placeOf(box, atMs),
        createdAt: new Date(atMs),
        heading: box === 4 ? '271.5' : 'nan',
      })),
    );
  });

  it('stay confirmed', async () => {
    const _id = OldDatabase.id(hour.happened.crashes[0]?.id ?? '');
    const crashes = hour.database.collection('ambulance_crashes');
    await crashes.updateOne({ _id, app_notification: 0 }, { $set: { app_notification: 1 } });
    await hour.play(60, 61);
    expect(await crashes.findOne({ _id })).toMatchObject({ app_notification: 1 });
  });
});

describe('histories', () => {
  it('have every position in the report of the day', async () => {
    const rows = await datedReport(hour.database, 'ambulance_tracking_histories', period);
    const key = (ambulanceId: string, atMs: number, kmh: number) =>
      `${ambulanceId} ${atMs} ${kmh.toFixed(6)}`;
    const expected = hour.happened.positions
      .filter(({ atMs }) => atMs <= period.to.getTime())
      .map(({ box, atMs, kmh }) => key(hour.ambulanceId(box), atMs, kmh));
    const shown = rows.map(({ ambulance_id: id, createdAt, speed }) =>
      key(String(id), (createdAt as Date).getTime(), speed as number),
    );
    expect(expected.length).toBeGreaterThan(1_900);
    expect(shown.sort()).toEqual(expected.sort());
  });

  it('have the ids of the speeding drive, and no position below the limits has one', async () => {
    const rows = await datedReport(hour.database, 'ambulance_tracking_histories', period);
    const above = rows.filter((row) => 'speed_above_80' in row);
    expect(new Set(above.map(({ speed_above_80: id }) => String(id))).size).toBe(1);
    expect(above).toHaveLength(DRIVE_KMH.filter((kmh) => kmh > 80).length);
    expect(rows.filter((row) => 'speed_above_120' in row)).toHaveLength(
      DRIVE_KMH.filter((kmh) => kmh > 120).length,
    );
  });

  itAggregates('give the speed report one row for each episode', async () => {
    for (const limit of [80, 120] as const) {
      const speeds = DRIVE_KMH.filter((kmh) => kmh > limit);
      const times = hour.happened.positions
        .filter(({ kmh }) => kmh > limit)
        .map(({ atMs }) => new Date(atMs));
      expect(await speedReport(hour.database, period, limit)).toEqual([
        {
          _id: expect.anything(),
          ambulance_id: OldDatabase.id(hour.ambulanceId(FAST)),
          begin: times[0],
          end: times.at(-1),
          first: expect.closeTo(speeds[0] ?? 0, 6),
          last: expect.closeTo(speeds.at(-1) ?? 0, 6),
          highest: expect.closeTo(Math.max(...speeds), 6),
          count: speeds.length,
        },
      ]);
    }
  });
});

it('picture histories have every request but the newest of each vehicle, two within a second as two', async () => {
  const rows = await datedReport(hour.database, 'ambulance_image_histories', period);
  const key = (ambulanceId: string, atMs: number, count: number) => `${ambulanceId} ${atMs} ${count}`;
  const expected = WITH_PICTURES.flatMap((box) =>
    hour.happened.pictures
      .filter((each) => each.box === box)
      .slice(0, -1)
      .map(({ atMs, count }) => key(hour.ambulanceId(box), atMs, count)),
  );
  const shown = rows.map(({ ambulance_id: id, createdAt, images }) =>
    key(String(id), (createdAt as Date).getTime(), Object.keys(images as object).length),
  );
  expect(expected).toHaveLength(22);
  expect(shown.sort()).toEqual(expected.sort());
});
