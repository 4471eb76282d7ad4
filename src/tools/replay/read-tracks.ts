import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { readCsv } from './csv-reader.js';
import { readGeoJson } from './geojson-reader.js';
import { readGpx } from './gpx-reader.js';
import { TrackFileError, type Track, type TrackReader } from './track.js';

const READERS: Readonly<Record<string, TrackReader>> = {
  '.csv': readCsv,
  '.gpx': readGpx,
  '.geojson': readGeoJson,
  '.json': readGeoJson,
};

/** A `.json` file in a folder can be anything, so it is read only when the path names it. */
const FOLDER_ENDINGS = ['.csv', '.gpx', '.geojson'];

/** Files are read as one string; V8 limits a string to about this size. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

interface ReadTracksResult {
  readonly tracks: readonly Track[];
  /** Names of the other files in the folder. */
  readonly skippedFiles: readonly string[];
}

/** Every faulty file, one message each. */
export class TrackFilesError extends Error {
  constructor(readonly faults: readonly TrackFileError[]) {
    super(faults.map((fault) => fault.message).join('\n'));
    this.name = 'TrackFilesError';
  }
}

/** The tracks of a file or a folder. @throws TrackFilesError when there is no track file, or a file is faulty */
export async function readTracks(path: string): Promise<ReadTracksResult> {
  const entry = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw fail(path, error.code === 'ENOENT' ? 'no such file or folder' : error.message);
  });
  if (!entry.isDirectory()) return { tracks: [await readTrack(path)], skippedFiles: [] };

  const tracks: Track[] = [];
  const skippedFiles: string[] = [];
  const faults: TrackFileError[] = [];
  const names = (await readdir(path)).sort();
  for (const name of names) {
    const isTrackFile =
      FOLDER_ENDINGS.includes(extname(name).toLowerCase()) && (await stat(join(path, name))).isFile();
    if (!isTrackFile) {
      skippedFiles.push(name);
      continue;
    }
    try {
      tracks.push(await readTrack(join(path, name)));
    } catch (error) {
      if (!(error instanceof TrackFilesError)) throw error;
      faults.push(...error.faults);
    }
  }
  if (faults.length > 0) throw new TrackFilesError(faults);
  if (tracks.length === 0) throw fail(path, `no track file in it (${FOLDER_ENDINGS.join(', ')})`);
  return { tracks, skippedFiles };
}

async function readTrack(path: string): Promise<Track> {
  const file = basename(path);
  const read = READERS[extname(path).toLowerCase()];
  if (read === undefined) throw fail(file, `not one of ${Object.keys(READERS).join(', ')}`);
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) throw fail(file, `${size} bytes are over the limit of ${MAX_FILE_BYTES}`);
  try {
    const text = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
    const track = read(text, file);
    if (track.fixes.length > 0) return track;
    const [timeless, [fault]] = [track.withoutTime.length, track.refused];
    if (fault !== undefined)
      throw fail(file, `none of its ${timeless + track.refused.length} points can be played: ${fault}`);
    throw fail(file, timeless > 0 ? `none of its ${timeless} points has a time` : 'no track point in it');
  } catch (error) {
    if (error instanceof TrackFileError) throw new TrackFilesError([error]);
    if (error instanceof TrackFilesError) throw error;
    throw fail(file, (error as Error).message);
  }
}

function fail(file: string, fault: string): TrackFilesError {
  return new TrackFilesError([new TrackFileError(file, null, fault)]);
}
