import type { mongo } from 'mongoose';
import { OldDatabase } from '../support/old-database.js';

/**
 * The programs that read what the old server wrote, re-enacted from the known facts: their filters, joins and conversions.
 * Those with `aggregate` need a server that aggregates. The hospital's user, the languages and the names are left out.
 */
export type Row = Readonly<Record<string, unknown>>;
type Stage = mongo.BSON.Document;

const ONLINE_MS = 60_000;

/** A period of a report. */
export interface Period {
  readonly from: Date;
  readonly to: Date;
}

const createdIn = ({ from, to }: Period) => ({ createdAt: { $gte: from, $lte: to } });

function aggregate(database: OldDatabase, collection: string, stages: readonly Stage[]): Promise<Row[]> {
  return database
    .collection(collection)
    .aggregate([...stages])
    .toArray();
}

const join = (from: string, as: string): Stage => ({
  $lookup: { from, localField: '_id', foreignField: 'ambulance_id', as },
});
/** An inner join: an ambulance without the document is not a row. */
const one = (path: string): Stage => ({ $unwind: `$${path}` });

/** The first open request in natural order. */
const openRequest: readonly Stage[] = [
  join('aoc_requests', 'requests'),
  {
    $addFields: {
      requests: {
        $filter: {
          input: '$requests',
          as: 'each',
          cond: {
            $and: [
              { $ne: ['$$each.request_status', 'COMPLETED'] },
              { $ne: ['$$each.request_status', 'CANCELED'] },
            ],
          },
        },
      },
    },
  },
  { $addFields: { request: { $arrayElemAt: ['$requests', 0] } } },
];

/** On or off by the age of `updatedAt`; a missing one counts as 0, so off. */
const guardedOnline = (now: Date): Stage => ({
  $addFields: {
    online: {
      $cond: [
        { $lte: [{ $subtract: [now, { $ifNull: ['$tracking.updatedAt', new Date(0)] }] }, ONLINE_MS] },
        1,
        0,
      ],
    },
    assigned: { $cond: [{ $gt: [{ $size: '$requests' }, 0] }, 1, 0] },
  },
});

/** With the tracking document, the open request, and on or off. */
const withStatus = (now: Date): Stage[] => [
  join('ambulance_trackings', 'tracking'),
  one('tracking'),
  ...openRequest,
  guardedOnline(now),
];

const measured = {
  _id: 0,
  code: '$ambulance_box_code',
  online: 1,
  assigned: 1,
  request_type: '$request.request_type',
  speed: { $toInt: '$tracking.speed' },
  estimated_time: { $toInt: '$tracking.estimated_time' },
  covered_distance: '$tracking.covered_distance',
  heading: '$tracking.heading',
  location: '$tracking.location',
};

/** `getHospitalOngoingAmbulanceList`: an ambulance that is off and has no request is not listed. */
export function ongoingList(database: OldDatabase, now: Date): Promise<Row[]> {
  return aggregate(database, 'ambulances', [
    { $match: { isdeleted: false } },
    ...withStatus(now),
    { $match: { $or: [{ online: 1 }, { assigned: 1 }] } },
    { $project: measured },
    { $sort: { code: 1 } },
  ]);
}

/** `postHospitalAmbulanceList` of the app: every ambulance, on or off. */
export function appList(database: OldDatabase, now: Date): Promise<Row[]> {
  return aggregate(database, 'ambulances', [
    { $match: { isdeleted: false } },
    ...withStatus(now),
    { $project: { _id: 0, code: '$ambulance_box_code', online: 1, assigned: 1 } },
    { $sort: { code: 1 } },
  ]);
}

/** Request list, snap and tracking details of the web: with the pictures. */
export function requestDetails(database: OldDatabase, now: Date): Promise<Row[]> {
  return aggregate(database, 'ambulances', [
    join('ambulance_images', 'pictures'),
    one('pictures'),
    ...withStatus(now),
    { $project: { ...measured, images: '$pictures.images' } },
    { $sort: { code: 1 } },
  ]);
}

/** `postAmbulanceDetail`, the alive app and the notifications: unguarded, so a missing `updatedAt` is on for ever. */
export function appDetail(database: OldDatabase, now: Date, code: string): Promise<Row[]> {
  return aggregate(database, 'ambulances', [
    { $match: { ambulance_box_code: code } },
    join('ambulance_trackings', 'tracking'),
    one('tracking'),
    {
      $project: {
        _id: 0,
        code: '$ambulance_box_code',
        online: { $cond: [{ $lte: [{ $subtract: [now, '$tracking.updatedAt'] }, ONLINE_MS] }, 1, 0] },
        speed: { $toInt: '$tracking.speed' },
        estimated_time: { $toInt: '$tracking.estimated_time' },
      },
    },
  ]);
}

/** The job of the TV board: on and assigned. One number that does not fit 32 bits fails the whole list. */
export function tvBoard(database: OldDatabase, now: Date): Promise<Row[]> {
  return aggregate(database, 'ambulances', [
    { $match: { isdeleted: false } },
    join('ambulance_trackings', 'tracking'),
    one('tracking'),
    ...openRequest,
    guardedOnline(now),
    {
      $project: {
        ...measured,
        code: { $toInt: '$ambulance_box_code' },
        covered_distance: { $toInt: '$tracking.covered_distance' },
      },
    },
    { $match: { online: 1, assigned: 1 } },
    { $sort: { code: 1 } },
  ]);
}

/** The speed report: one row for each episode, with its first and last speed and its highest. */
export function speedReport(database: OldDatabase, period: Period, limit: 80 | 120): Promise<Row[]> {
  const field = `speed_above_${limit}`;
  return aggregate(database, 'ambulance_tracking_histories', [
    { $match: createdIn(period) },
    // The reader compares with `>= null`, which a missing field is not. The engine of the tests takes it as null.
    { $match: { [field]: { $exists: true } } },
    {
      $group: {
        _id: `$${field}`,
        ambulance_id: { $first: '$ambulance_id' },
        begin: { $first: '$createdAt' },
        end: { $last: '$createdAt' },
        first: { $first: '$speed' },
        last: { $last: '$speed' },
        highest: { $max: '$speed' },
        count: { $sum: 1 },
      },
    },
    { $sort: { begin: 1 } },
  ]);
}

/** Crash report, tracking histories and picture histories: by date, sorted. The embedded database sorts along indexes only. */
export async function datedReport(
  database: OldDatabase,
  collection: 'ambulance_crashes' | 'ambulance_tracking_histories' | 'ambulance_image_histories',
  period: Period,
): Promise<Row[]> {
  const rows: Row[] = await database.all(collection, createdIn(period));
  const timeOf = ({ createdAt }: Row): number => (createdAt as Date).getTime();
  return rows.sort((a, b) => timeOf(b) - timeOf(a));
}

/** Crash detail, opened by a panel as soon as it receives CRASH_NOTIFY: without the document it fails. */
export async function crashDetail(database: OldDatabase, id: string): Promise<Row | null> {
  const crash = await database.collection('ambulance_crashes').findOne({ _id: OldDatabase.id(id) });
  const ambulance =
    crash && (await database.collection('ambulances').findOne({ _id: crash['ambulance_id'] }));
  if (!crash || !ambulance) return null;
  const { location, location_detail, createdAt, speed, heading } = crash;
  return { code: ambulance['ambulance_box_code'], location, location_detail, createdAt, speed, heading };
}
