import { CommandError, type CommandIo, EXIT_CODES, ProgressDisplay } from '../../core/commands/index.js';
import { LatencyHistogram } from '../../tools/replay/index.js';
import type { ApiClient } from '../../tools/client/index.js';
import { OldPictures, OldStoreRepository } from '../old-store/index.js';
import { readGets } from './access-log.js';
import { FrameComparison } from './compare-frames.js';
import { compareGets } from './compare-gets.js';
import type { CompareOptions, ComparePlan } from './compare-options.js';
import { type CompareReport, compareReport } from './compare-report.js';
import { StoreComparison } from './compare-stores.js';
import type { Kind } from './compared-item.js';
import { FindingsLog } from './findings-log.js';

const MAX_BOXES = 10_000;
const LINE_INTERVAL_MS = 1_000;

interface Boxes {
  readonly boxes: readonly {
    readonly code: string;
    readonly vehicleId: string;
    readonly ambulanceId: string;
  }[];
  readonly unknownBoxes: readonly string[];
}

/**
 * Frames first, because they are live; then the requests; then the stores.
 * @param api null: the stores are not compared
 */
export async function runComparison(
  plan: ComparePlan,
  options: CompareOptions,
  api: ApiClient | null,
  io: CommandIo,
): Promise<CompareReport> {
  const { fromMs, toMs, lagMs } = plan;
  const documents = plan.oldDatabaseUrl === null ? null : await OldStoreRepository.open(plan.oldDatabaseUrl);
  try {
    const known: Boxes = documents && api ? await boxesOf(documents, api) : { boxes: [], unknownBoxes: [] };
    const firstPositionMs =
      documents && api ? await firstPositionsOf(documents, api, known, plan) : new Map<string, number>();
    const context = { firstPositionMs };
    const log = new FindingsLog(context, (atMs) => fromMs <= atMs && atMs < toMs);
    // Frames and requests are of now, whatever the range of the stores is.
    const live = new FindingsLog(context, () => true);
    const expectedKinds: Kind[] = [];
    if (plan.watchMs !== null) {
      expectedKinds.push('frame');
      await watch(plan.watchMs, plan, options, live, io);
    }
    let latencies = { old: new LatencyHistogram(), samserver: new LatencyHistogram() };
    if (options.accessLog !== undefined) {
      expectedKinds.push('get');
      latencies = { ...latencies, ...(await compareLog(options, live, io)) };
    }
    if (documents && api) {
      expectedKinds.push('position');
      await compareStores({ documents, api, known }, plan, options, log, io);
    }
    log.include(live);
    return compareReport({
      ...{ log, fromMs, toMs, lagMs, expectedKinds, latencies },
      boxes: known.boxes.length,
      unknownBoxes: known.unknownBoxes,
      maxP99Ms: options.maxP99,
      isInterrupted: io.signal.aborted,
    });
  } finally {
    await documents?.close();
  }
}

/** Boxes by their code. One that only one side has is a problem of its own, and its items are not compared. */
async function boxesOf(documents: OldStoreRepository, api: ApiClient): Promise<Boxes> {
  const ambulances = await documents.allAmbulanceIds(MAX_BOXES);
  const vehicles = new Map<string, string>();
  for await (const { id, boxCode } of api.vehicles())
    if (typeof boxCode === 'string') vehicles.set(boxCode, id);
  const codes = [...ambulances.keys()];
  return {
    boxes: codes.flatMap((code) => {
      const [ambulanceId, vehicleId] = [ambulances.get(code), vehicles.get(code)];
      return ambulanceId === undefined || vehicleId === undefined ? [] : [{ code, ambulanceId, vehicleId }];
    }),
    unknownBoxes: [
      ...codes.filter((code) => !vehicles.has(code)).map((code) => `box ${code}: no vehicle in Samserver`),
      ...[...vehicles.keys()]
        .filter((code) => !ambulances.has(code))
        .map((code) => `box ${code}: no ambulance in the old system`),
    ],
  };
}

/** The vehicle's document was made with its first position: the first one that Samserver received around that time. */
async function firstPositionsOf(
  documents: OldStoreRepository,
  api: ApiClient,
  { boxes }: Boxes,
  { fromMs, toMs, lagMs }: ComparePlan,
): Promise<Map<string, number>> {
  const first = new Map<string, number>();
  const byAmbulance = new Map(boxes.map((box) => [box.ambulanceId, box]));
  for (const { ambulanceId, atMs, fields } of await documents.trackings([...byAmbulance.keys()])) {
    const box = byAmbulance.get(ambulanceId);
    const { createdAt } = fields;
    const madeMs = createdAt instanceof Date ? createdAt.getTime() : atMs;
    if (!box || madeMs < fromMs - lagMs || madeMs >= toMs + lagMs) continue;
    for await (const { receivedAt } of api.positions(box.vehicleId, madeMs - lagMs, madeMs + lagMs)) {
      first.set(box.code, Date.parse(receivedAt));
      break;
    }
  }
  return first;
}

async function watch(
  durationMs: number,
  { lagMs }: ComparePlan,
  { oldSocketUrl = '', socketUrl }: CompareOptions,
  log: FindingsLog,
  io: CommandIo,
): Promise<void> {
  const urls = { old: oldSocketUrl, samserver: socketUrl };
  io.stderr.write(`frames for ${durationMs / 1_000} s\n`);
  await new FrameComparison({ urls, lagMs, durationMs, signal: io.signal }, log).run();
}

async function compareLog(
  { accessLog = '', gets: limit, oldUrl = '', url, getRate, ignore }: CompareOptions,
  log: FindingsLog,
  { signal, stderr }: CommandIo,
): ReturnType<typeof compareGets> {
  const gets = await readGets(accessLog, limit).catch((error: unknown) => {
    throw new CommandError(`${accessLog}: ${(error as Error).message}`, EXIT_CODES.IO, { cause: error });
  });
  stderr.write(`${gets.length} requests, ${getRate} a second\n`);
  const urls = { old: oldUrl, samserver: url };
  return compareGets({ urls, gets, ratePerS: getRate, ignoredFields: ignore, signal }, log);
}

async function compareStores(
  { documents, api, known }: { documents: OldStoreRepository; api: ApiClient; known: Boxes },
  plan: ComparePlan,
  { oldPictures, notifications: hasNotifications, json }: CompareOptions,
  log: FindingsLog,
  io: CommandIo,
): Promise<void> {
  const pictures = oldPictures === undefined ? null : new OldPictures(oldPictures);
  const { timeZone } = plan;
  let reachedMs = plan.toMs;
  const progressLine = (): string => {
    const equal = [...log.matched].map(([kind, count]) => `${count} ${kind}`).join(', ');
    return `back to ${new Date(reachedMs).toISOString()}: equal ${equal || 'none'}; ${log.total} findings`;
  };
  const display = new ProgressDisplay(io.stderr, () => [progressLine()], LINE_INTERVAL_MS);
  if (!json) display.start();
  try {
    const stores = { api, documents, pictures, hasNotifications, timeZone, boxes: known.boxes };
    await new StoreComparison(stores, plan, log, io.signal, (ms) => (reachedMs = ms)).run();
  } finally {
    display.stop();
  }
}
