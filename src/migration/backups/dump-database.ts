import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pacedStep } from '../../core/index.js';
import type { BackupCodec } from './backup-codec.js';
import type { BackupSet, ProgressLog } from './backup-directory.js';
import {
  type BackupCollection,
  type BackupManifest,
  type BackupPart,
  FORMAT,
  PART_BYTES,
  partName,
} from './backup-manifest.js';
import { ContentSum } from './bson-stream.js';
import {
  type CollectionsRepository,
  type FoundCollection,
  idOf,
  idOfText,
  textOfId,
} from './collections.repository.js';

export interface DumpOptions {
  readonly codec: BackupCodec;
  /** Names of collections of the old server that belong to it. */
  readonly old: readonly string[];
  /** Pause after each read, as a multiple of its time: clients come first. */
  readonly pauseFactor: number;
  readonly partBytes?: number;
  readonly signal: AbortSignal;
  readonly onProgress: (collection: string, documents: number) => void;
  /** Clock of the database. */
  readonly now: () => Promise<Date>;
}

export type DumpHeader = Pick<
  BackupManifest,
  'database' | 'deploymentId' | 'schemaVersion' | 'release' | 'pictures'
>;

/** Lines of the progress of a set. */
type ProgressLine =
  | {
      readonly kind: 'begun';
      readonly startedAt: string;
      readonly isEncrypted: boolean;
      readonly release: string;
    }
  | { readonly kind: 'collection.begun'; readonly name: string; readonly readFrom: string }
  /** `lastId` as EJSON; null: the collection is read again from its begin after a kill. */
  | {
      readonly kind: 'part';
      readonly name: string;
      readonly part: BackupPart;
      readonly lastId: string | null;
    }
  | { readonly kind: 'collection.done'; readonly collection: BackupCollection };

/**
 * Writes a set, or continues one: complete parts stay. The set is complete when its manifest is written.
 * @throws errors of the driver and of the file system
 */
export async function dumpDatabase(
  set: BackupSet,
  collections: CollectionsRepository,
  header: DumpHeader,
  options: DumpOptions,
): Promise<BackupManifest> {
  const lines = (await set.progress()) as readonly ProgressLine[];
  const progress = await set.openProgress();
  try {
    const begun = lines.find((line) => line.kind === 'begun');
    const startedAt = begun?.startedAt ?? (await options.now()).toISOString();
    const { isEncrypted } = options.codec;
    if (!begun) await progress.append({ kind: 'begun', startedAt, isEncrypted, release: header.release });
    const dump = new Dump(set, collections, progress, lines, options);
    const done: BackupCollection[] = [];
    for (const found of await collections.list(options.old)) done.push(await dump.collection(found));
    const madeAt = (await options.now()).toISOString();
    const { release, ...rest } = header;
    const manifest: BackupManifest = {
      ...{ format: FORMAT, set: set.name, ...rest, release, isEncrypted, startedAt, madeAt },
      collections: done,
    };
    await set.finish(manifest);
    return manifest;
  } finally {
    await progress.close();
  }
}

/** Whether a set can be continued: by the same release, with or without a key as before. */
export async function isContinuable(set: BackupSet, isEncrypted: boolean, release: string): Promise<boolean> {
  const [begun] = (await set.progress()) as readonly ProgressLine[];
  return begun?.kind === 'begun' && begun.isEncrypted === isEncrypted && begun.release === release;
}

class Dump {
  constructor(
    private readonly set: BackupSet,
    private readonly collections: CollectionsRepository,
    private readonly progress: ProgressLog,
    private readonly lines: readonly ProgressLine[],
    private readonly options: DumpOptions,
  ) {}

  async collection(found: FoundCollection): Promise<BackupCollection> {
    const { name } = found;
    const { lines, options, progress } = this;
    for (const line of lines)
      if (line.kind === 'collection.done' && line.collection.name === name) return line.collection;
    const begun = lines.find((line) => line.kind === 'collection.begun' && line.name === name);
    const kept = await this.keptParts(name);
    const readFrom =
      begun?.kind === 'collection.begun' && kept.parts.length > 0
        ? begun.readFrom
        : (await options.now()).toISOString();
    if (kept.parts.length === 0) await progress.append({ kind: 'collection.begun', name, readFrom });
    const parts = [...kept.parts];
    let documents = parts.reduce((sum, part) => sum + part.documents, 0);
    const reader = this.collections.read(name, kept.lastId);
    const isOneType = await this.collections.hasOneIdType(name);
    for (let next = await this.read(reader); !next.done;) {
      const file = partName(name, parts.length + 1, options.codec.isEncrypted);
      const written = await this.part(file, next.value, reader);
      const lastId = isOneType && written.last ? textOfId(idOf(written.last)) : null;
      await progress.append({ kind: 'part', name, part: written.part, lastId });
      parts.push(written.part);
      documents += written.part.documents;
      options.onProgress(name, documents);
      next = await this.read(reader);
    }
    const readTo = (await options.now()).toISOString();
    const collection: BackupCollection = { ...found, documents, parts, readFrom, readTo };
    await progress.append({ kind: 'collection.done', collection });
    return collection;
  }

  /** The parts that a run before a kill has completed, up to the first one that cannot be continued. */
  private async keptParts(name: string): Promise<{ readonly parts: BackupPart[]; readonly lastId: unknown }> {
    const parts: BackupPart[] = [];
    let lastId: unknown;
    for (const line of this.lines) {
      if (line.kind !== 'part' || line.name !== name) continue;
      const isWhole = (await this.set.size(line.part.file)) === line.part.bytes;
      if (line.lastId === null || !isWhole) break;
      parts.push(line.part);
      lastId = idOfText(line.lastId);
    }
    return { parts, lastId };
  }

  private read(reader: AsyncGenerator<Buffer[]>): Promise<IteratorResult<Buffer[]>> {
    this.options.signal.throwIfAborted();
    return pacedStep(() => reader.next(), this.options.signal, this.options.pauseFactor);
  }

  private async part(
    file: string,
    first: Buffer[],
    reader: AsyncGenerator<Buffer[]>,
  ): Promise<{ readonly part: BackupPart; readonly last: Uint8Array | undefined }> {
    const { codec, partBytes = PART_BYTES } = this.options;
    const content = new ContentSum();
    let last: Uint8Array | undefined;
    const take = (documents: Buffer[]): Buffer => {
      content.add(documents);
      last = documents.at(-1);
      return Buffer.concat(documents);
    };
    const read = this.read.bind(this, reader);
    async function* bytes(): AsyncGenerator<Buffer> {
      yield take(first);
      while (content.contentBytes < partBytes) {
        const next = await read();
        if (next.done) return;
        yield take(next.value);
      }
    }
    const hash = createHash('sha256');
    let size = 0;
    const count = new Transform({
      transform: (chunk: Buffer, _, done) => {
        hash.update(chunk);
        size += chunk.length;
        done(null, chunk);
      },
    });
    await this.set.writeFile(file, async (path) => {
      const target = createWriteStream(path, { mode: 0o600, flush: true });
      await pipeline(await codec.encode(Readable.from(bytes(), { objectMode: false })), count, target);
    });
    const { documents, contentBytes } = content;
    const sums = { sha256: hash.digest('hex'), contentSha256: content.digest() };
    return { part: { file, bytes: size, documents, contentBytes, ...sums }, last };
  }
}
