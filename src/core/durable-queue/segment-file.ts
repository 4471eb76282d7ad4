import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DamagedRange, parseRecords, type QueueRecord } from './record-format.js';

const NAME = /^\d{10}\.seg$/;

/** The file of a segment; names sort in the order of writing. */
export const segmentName = (number: number): string => `${String(number).padStart(10, '0')}.seg`;

/** A segment that gets no further records. */
export interface SealedSegment {
  readonly path: string;
  /** Bytes that count; a failed write can have left more. */
  readonly sizeBytes: number;
}

/** The content of a sealed segment. */
export interface SegmentContent {
  readonly path: string;
  readonly records: readonly QueueRecord[];
  readonly damaged: readonly DamagedRange[];
}

/** The segments in a directory, oldest first; empty when the directory does not exist. */
export async function listSegments(directory: string): Promise<SealedSegment[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const segments: SealedSegment[] = [];
  for (const name of names.filter((each) => NAME.test(each)).sort()) {
    const path = join(directory, name);
    segments.push({ path, sizeBytes: (await stat(path)).size });
  }
  return segments;
}

export async function readSegment({ path, sizeBytes }: SealedSegment): Promise<SegmentContent> {
  const bytes = await readFile(path);
  return { path, ...parseRecords(bytes.subarray(0, sizeBytes)) };
}

export async function removeSegment({ path }: SealedSegment): Promise<void> {
  await rm(path, { force: true });
}

/** Flushes the names in a directory: a new or renamed file is durable only after this. */
export async function syncNames(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
