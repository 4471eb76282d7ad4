import { type Dirent, constants } from 'node:fs';
import { access, lstat, opendir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Bounds of the survey: it reads names of some directories and the sizes of some files, whatever the folder holds. */
const MAX_BOXES = 200;
const MAX_NAMES = 20_000;
const MINUTES_A_BOX = 12;
const FILES_A_MINUTE = 60;
const SURVEY_LIMIT_MS = 15_000;

/** One directory on the way to the pictures, or a box's folder in it. */
export interface FolderRights {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** A folder of a minute, and when its newest file was written. */
export interface DatedFolder {
  readonly path: string;
  /** Local time in the names: year, month, day, hour, minute. */
  readonly named: readonly [number, number, number, number, number];
  /** Epoch milliseconds. */
  readonly writtenMs: number;
}

export interface PictureVolume {
  readonly directory: string;
  readonly owner: { readonly uid: number; readonly gid: number };
  /** From the root to the folder. */
  readonly way: readonly FolderRights[];
  readonly boxes: readonly FolderRights[];
  /** Whether this command itself can read and write it. */
  readonly isUsable: boolean;
  /** An estimate from samples of the newest complete day; null: no pictures, or not readable. */
  readonly bytesADay: number | null;
  /** The newest folders of some boxes. */
  readonly dated: readonly DatedFolder[];
}

const PICTURES = 'public/uploads/ambulance_images';

/** The old server writes to `../public` of its working directory, and serves `public` of its source folder. */
export async function findPictureFolders(directory: string, given: string | undefined): Promise<string[]> {
  const candidates =
    given === undefined
      ? [resolve(directory, '..', PICTURES), resolve(directory, PICTURES)]
      : [resolve(given)];
  const found: string[] = [];
  for (const path of candidates) {
    const entry = await stat(path).catch((error: NodeJS.ErrnoException) => error.code === 'EACCES');
    if (entry === true || (entry !== false && entry.isDirectory())) found.push(path);
  }
  return found;
}

/** @throws an error of the file system when the folder itself cannot be looked at */
export async function surveyPictures(directory: string): Promise<PictureVolume> {
  const endMs = performance.now() + SURVEY_LIMIT_MS;
  const way = await rightsOnWay(directory);
  const { uid, gid } = await stat(directory);
  const isUsable = await access(directory, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  const boxNames = (await entriesOf(directory)).filter((each) => each.isDirectory()).slice(0, MAX_BOXES);
  const boxes: FolderRights[] = [];
  const dated: DatedFolder[] = [];
  let bytesADay: number | null = null;
  for (const { name } of boxNames) {
    if (performance.now() > endMs) break;
    const path = join(directory, name);
    const rights = await lstat(path).catch(() => null);
    if (rights) boxes.push({ path, uid: rights.uid, gid: rights.gid, mode: rights.mode & 0o777 });
    const days = await newestDays(path);
    const newest = await newestMinute(days.at(-1));
    if (newest) dated.push(newest);
    // The newest day is not over yet.
    const complete = days.length > 1 ? days.at(-2) : days.at(-1);
    if (complete) bytesADay = (bytesADay ?? 0) + (await estimateDay(complete.path));
  }
  return { directory, owner: { uid, gid }, way, boxes, isUsable, bytesADay, dated };
}

async function rightsOnWay(directory: string): Promise<FolderRights[]> {
  const parent = dirname(directory);
  const before = parent === directory ? [] : await rightsOnWay(parent);
  const found = await stat(directory);
  return [...before, { path: directory, uid: found.uid, gid: found.gid, mode: found.mode & 0o777 }];
}

interface Numbered {
  readonly path: string;
  readonly numbers: readonly number[];
}

/** The last two days of a box: `<Y>/<M>/<D>` without leading zeros, so the order is that of numbers. */
async function newestDays(box: string): Promise<Numbered[]> {
  let level: Numbered[] = [{ path: box, numbers: [] }];
  for (let depth = 0; depth < 3; depth += 1) {
    const next: Numbered[] = [];
    for (const each of level.slice(-2)) next.push(...(await numberedIn(each, /^\d{1,4}$/)));
    level = next;
  }
  return level.slice(-2);
}

async function numberedIn({ path, numbers }: Numbered, pattern: RegExp): Promise<Numbered[]> {
  return (await entriesOf(path))
    .filter((each) => each.isDirectory() && pattern.test(each.name))
    .map(({ name }) => ({ path: join(path, name), numbers: [...numbers, ...name.split('_').map(Number)] }))
    .sort((a, b) => compareNumbers(a.numbers, b.numbers));
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

const MINUTE = /^\d{1,2}_\d{1,2}$/;

async function newestMinute(day: Numbered | undefined): Promise<DatedFolder | null> {
  const newest = day && (await numberedIn(day, MINUTE)).at(-1);
  if (!newest) return null;
  const times: number[] = [];
  for (const { name } of (await entriesOf(newest.path)).slice(0, FILES_A_MINUTE)) {
    const file = await lstat(join(newest.path, name)).catch(() => null);
    if (file?.isFile()) times.push(file.mtimeMs);
  }
  if (times.length === 0) return null;
  const named = newest.numbers as unknown as DatedFolder['named'];
  return { path: newest.path, named, writtenMs: Math.max(...times) };
}

/** Sizes of some minutes, spread over the day, times the number of minutes. */
async function estimateDay(path: string): Promise<number> {
  const minutes = await numberedIn({ path, numbers: [] }, MINUTE);
  const step = Math.max(1, Math.floor(minutes.length / MINUTES_A_BOX));
  const sampled = minutes.filter((_, at) => at % step === 0).slice(0, MINUTES_A_BOX);
  let sizeBytes = 0;
  for (const minute of sampled) {
    const files = await entriesOf(minute.path);
    const looked = files.slice(0, FILES_A_MINUTE);
    let sum = 0;
    for (const { name } of looked) {
      const file = await lstat(join(minute.path, name)).catch(() => null);
      sum += file?.size ?? 0;
    }
    sizeBytes += looked.length === 0 ? 0 : (sum * files.length) / looked.length;
  }
  return sampled.length === 0 ? 0 : (sizeBytes * minutes.length) / sampled.length;
}

/** At most `MAX_NAMES`, because a flat folder can have millions. */
async function entriesOf(path: string): Promise<Dirent[]> {
  const entries: Dirent[] = [];
  try {
    for await (const entry of await opendir(path)) {
      entries.push(entry);
      if (entries.length === MAX_NAMES) break;
    }
  } catch {
    // A folder that is closed for this command has no entries here; the check of rights names it.
  }
  return entries;
}
