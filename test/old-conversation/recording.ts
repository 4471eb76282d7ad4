import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OldDatabase } from '../support/old-database.js';
import { filesBelow } from '../support/test-volume.js';
import type { Conversation } from './conversation.js';
import type { Played, StepAnswer } from './player.js';

/** Every value to compare, by a key that names the place where it was observed. */
export type Recording = ReadonlyMap<string, string>;

const COLLECTIONS = [
  'ambulance_trackings',
  'ambulance_tracking_histories',
  'ambulance_images',
  'ambulance_image_histories',
  'ambulance_crashes',
] as const;
/** Document ids and write times are not predictable; only their presence is compared. */
const MASKED_IN = {
  document: new Set(['_id', 'count_datetime', 'createdAt', 'updatedAt', 'ambulance_image_histories_id']),
  frame: new Set(['ambulance_crashes_id']),
} as const;
/** Both sides compute these with other formulas; the last digits differ. */
const ROUNDED = new Set(['estimated_time', 'covered_distance']);
const EPISODES = ['speed_above_80', 'speed_above_120'] as const;
const PICTURE_NAME = /\d{4}\/\d{1,2}\/\d{1,2}\/\d{1,2}_\d{1,2}\/\d{1,2}_\d{1,2}_\d{4}\./g;

/** Answers, frames, documents and files of one run of the conversation. */
export async function record(
  { boxes }: Conversation,
  { answers, frames }: Played,
  database: OldDatabase,
  pictures: string,
): Promise<Recording> {
  const recording = new Map<string, string>();
  answers.forEach((answer, index) => addAnswer(recording, answer, index));
  for (const [panel, said] of Object.entries(frames)) addFrames(recording, panel, said);
  for (const { code, ambulanceId } of boxes) {
    for (const collection of COLLECTIONS) {
      const found = await database.all(collection);
      const own = found.filter(({ ambulance_id: id }) => String(id) === ambulanceId).sort(byAge);
      const seen = new Map<string, number>();
      for (const document of own.map(numberEpisodes())) {
        const mark =
          collection === 'ambulance_tracking_histories'
            ? `speed ${String(document['speed'])}`
            : markOf(document);
        const key = `document/${collection}/${code}/${mark}`;
        const count = seen.get(key) ?? 0;
        seen.set(key, count + 1);
        addFields(recording, `${key}/${count}`, document, MASKED_IN.document);
      }
    }
  }
  addFiles(recording, pictures, await filesBelow(pictures).catch(() => []));
  return recording;
}

function addAnswer(recording: Map<string, string>, { step, ...answer }: StepAnswer, index: number): void {
  const what = step.kind === 'get' ? `get ${step.port} ${step.path}` : step.kind;
  const key = `answer/${what}/${index}`;
  recording.set(`${key}/status`, String(answer.status));
  recording.set(`${key}/type`, String(answer.contentType));
  recording.set(`${key}/body`, answer.body);
}

function addFrames(recording: Map<string, string>, panel: string, frames: readonly string[]): void {
  const seen = new Map<string, number>();
  for (const text of frames) {
    const frame = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : null;
    const words = text.replace(/id: .*/, 'id: …');
    const body = (frame?.['body'] ?? frame) as Record<string, unknown> | null;
    const kind = frame
      ? `${typeof frame['type'] === 'string' ? frame['type'] : 'SNAP'}/${String(body?.['ambulance_id'])}`
      : `words/${words}`;
    const counted = `${kind}/${markOf(frame ?? {})}`;
    const count = seen.get(counted) ?? 0;
    seen.set(counted, count + 1);
    const key = `frame/${panel}/${counted}/${count}`;
    if (frame) addFields(recording, key, frame, MASKED_IN.frame);
    else recording.set(key, words);
  }
}

/** Identifies a document among those of its vehicle by its heading, which is unique, so that missing ones do not matter. */
function markOf({ heading, tracking_heading: frameHeading }: Record<string, unknown>): string {
  const value = heading ?? frameHeading;
  return typeof value === 'string' || typeof value === 'number' ? `heading ${value}` : 'all';
}

function addFields(
  recording: Map<string, string>,
  key: string,
  fields: Record<string, unknown>,
  masked: ReadonlySet<string>,
): void {
  for (const [field, value] of Object.entries(fields)) {
    const comparable = ROUNDED.has(field) ? Number(value).toFixed(6) : JSON.stringify(value);
    const shown = masked.has(field) ? 'there' : comparable.replaceAll(PICTURE_NAME, '…/….');
    recording.set(`${key}/${field}`, shown);
  }
}

function addFiles(recording: Map<string, string>, pictures: string, files: readonly string[]): void {
  const seen = new Map<string, string[]>();
  for (const file of files.filter((each) => !each.startsWith('.'))) {
    const hash = createHash('sha256')
      .update(readFileSync(join(pictures, file)))
      .digest('hex');
    const content = `file/${file.split('/', 1)[0]}/${hash.slice(0, 12)}`;
    seen.set(content, [...(seen.get(content) ?? []), file.replaceAll(PICTURE_NAME, '…/….')]);
  }
  for (const [content, names] of seen) {
    names.sort().forEach((name, index) => recording.set(`${content}/${index}`, name));
  }
}

type Aged = { readonly count_datetime?: Date; readonly createdAt?: Date; readonly _id: unknown };

/** Sorts by write time, or by id, which starts with the time. */
function byAge(one: Aged, other: Aged): number {
  const time = ({ createdAt, count_datetime: at }: Aged): number => (createdAt ?? at)?.getTime() ?? 0;
  const between = time(one) - time(other);
  return between !== 0 ? between : String(one._id) < String(other._id) ? -1 : 1;
}

/** Replaces the ids of speeding episodes by their numbers in the order of age: which documents share one is compared. */
function numberEpisodes(): (document: Record<string, unknown>) => Record<string, unknown> {
  const numbers = new Map<string, number>();
  return (document) => {
    const numbered = { ...document };
    for (const field of EPISODES) {
      if (!(field in document)) continue;
      const key = `${field} ${String(document[field])}`;
      numbers.set(key, numbers.get(key) ?? numbers.size + 1);
      numbered[field] = `episode ${numbers.get(key)}`;
    }
    return numbered;
  };
}
