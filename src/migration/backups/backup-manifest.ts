import { createHash } from 'node:crypto';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';

/** The newest format that this release reads. */
export const FORMAT = 1;
/** Of one part before compression. A restore holds none of it as a whole in memory. */
export const PART_BYTES = 64_000_000;
const MAX_COLLECTIONS = 1_000;
const MAX_PARTS = 1_000_000;

/** Documents in the order of `_id`, one after the other as BSON, compressed, and encrypted when the set is. */
export interface BackupPart {
  /** In the directory of the set. */
  readonly file: string;
  /** Size and SHA-256 of the file. */
  readonly bytes: number;
  readonly sha256: string;
  readonly documents: number;
  /** Size and SHA-256 of the documents. */
  readonly contentBytes: number;
  readonly contentSha256: string;
}

export interface BackupCollection {
  readonly name: string;
  /** Created with `clusteredIndex` on `_id`. */
  readonly isClustered: boolean;
  /** As `listIndexes` shows them, without that of `_id`. */
  readonly indexes: readonly Readonly<Record<string, unknown>>[];
  readonly documents: number;
  readonly parts: readonly BackupPart[];
  /**
   * ISO times, clock of the database. Each document that was acknowledged before `readFrom` and not changed since is in the
   * backup as it was then. One that was written between the two may be missing, or be there in its newer form.
   */
  readonly readFrom: string;
  readonly readTo: string;
}

/** Written last: a set without it is not complete. */
export interface BackupManifest {
  readonly format: number;
  /** Name of the set: the UTC time of its begin. */
  readonly set: string;
  readonly database: string;
  readonly deploymentId: string | null;
  readonly schemaVersion: number;
  readonly release: string;
  readonly isEncrypted: boolean;
  readonly startedAt: string;
  readonly madeAt: string;
  /** In the order in which a restore writes them. */
  readonly collections: readonly BackupCollection[];
  /** The finished backup of the pictures that belongs to it (`samserver images backup`); null: none was named. */
  readonly pictures: {
    readonly directory: string;
    readonly rootSha256: string;
    readonly files: number;
    readonly madeAt: string;
  } | null;
}

const SET_NAME = /^\d{8}T\d{6}Z$/;
const COLLECTION_NAME = /^[\w-]{1,120}$/;
const SHA256 = /^[0-9a-f]{64}$/;

export const isSetName = (name: string): boolean => SET_NAME.test(name);
export const setNameOf = (atMs: number): string => new Date(atMs).toISOString().replace(/[-:]|\.\d+/g, '');

/** `<collection>.<number>.bson.gz`, with `.age` when it is encrypted. The parts of a collection in their order are one gzip file. */
export const partName = (collection: string, number: number, isEncrypted: boolean): string =>
  `${collection}.${String(number).padStart(6, '0')}.bson.gz${isEncrypted ? '.age' : ''}`;

const sumOf = (manifest: BackupManifest): string =>
  createHash('sha256').update(JSON.stringify(manifest)).digest('hex');

/** The text of the file, with its own sum. */
export const manifestText = (manifest: BackupManifest): string =>
  `${JSON.stringify({ sha256: sumOf(manifest), manifest }, null, 1)}\n`;

/** @throws CommandError that says what is wrong with the manifest */
export function parseManifest(path: string, text: string): BackupManifest {
  const refuse = (why: string): CommandError => new CommandError(`${path}: ${why}`, EXIT_CODES.FAILURE);
  let found: { readonly sha256?: unknown; readonly manifest?: BackupManifest };
  try {
    found = JSON.parse(text) as typeof found;
  } catch {
    throw refuse('is damaged: it is not JSON');
  }
  const { sha256, manifest } = found;
  if (typeof manifest !== 'object' || manifest === null) throw refuse('is no manifest of a backup');
  if (!(Number.isInteger(manifest.format) && manifest.format >= 1 && manifest.format <= FORMAT))
    throw refuse(`has format ${String(manifest.format)}; this release reads up to ${FORMAT}`);
  if (sha256 !== sumOf(manifest)) throw refuse('is damaged: its sum differs');
  const fault = faultOf(manifest);
  if (fault !== null) throw refuse(fault);
  return manifest;
}

/** A manifest with a right sum can still be made by hand: no name may leave the directory, no number be absurd. */
function faultOf({ set, collections, isEncrypted }: BackupManifest): string | null {
  if (!isSetName(set)) return 'names no set';
  const all = listOf(collections, MAX_COLLECTIONS);
  if (all === null) return `has no list of at most ${MAX_COLLECTIONS} collections`;
  for (const { name, parts } of all) {
    if (!COLLECTION_NAME.test(name)) return `collection ${JSON.stringify(name)} has an unusable name`;
    const known = listOf(parts, MAX_PARTS);
    if (known === null) return `collection ${name} has no list of at most ${MAX_PARTS} parts`;
    for (const [index, part] of known.entries())
      if (!isPart(part, partName(name, index + 1, isEncrypted)))
        return `collection ${name}: part ${index + 1} is unusable`;
  }
  return null;
}

/** Null: it is no list, or a longer one. */
function listOf<T>(value: readonly T[] | undefined, limit: number): readonly T[] | null {
  return value instanceof Array && value.length <= limit ? value : null;
}

function isPart(part: BackupPart, file: string): boolean {
  const numbers = [part.bytes, part.documents, part.contentBytes];
  return (
    part.file === file &&
    numbers.every((number) => Number.isSafeInteger(number) && number >= 0) &&
    // One document more than the limit fits.
    part.contentBytes <= PART_BYTES + 20_000_000 &&
    [part.sha256, part.contentSha256].every((sum) => SHA256.test(sum))
  );
}

export const documentsOf = ({ collections }: BackupManifest): number =>
  collections.reduce((sum, { documents }) => sum + documents, 0);
export const bytesOf = ({ collections }: BackupManifest): number =>
  collections.flatMap(({ parts }) => parts).reduce((sum, { bytes }) => sum + bytes, 0);
