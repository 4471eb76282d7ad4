import { createHash } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceDurably } from '../../images/volume/index.js';
import { Checkpoints } from './checkpoints.js';
import { type EntryWriter, type ManifestEntry, readEntries } from './entry-lines.js';

export interface ManifestSummary {
  readonly version: 1;
  /** Absolute. */
  readonly directory: string;
  readonly files: number;
  readonly bytes: number;
  /** SHA-256 of the file `SHA256SUMS`: equal values mean equal files. */
  readonly rootSha256: string;
  /** ISO-8601 UTC. */
  readonly madeAt: string;
  /** The deployment id in the marker file of the volume; null without a marker file. */
  readonly deploymentId: string | null;
}

/** Readable by `sha256sum -c`. */
const SUMS_FILE = 'SHA256SUMS';
/** One ManifestEntry a line, as JSON. */
const ENTRIES_FILE = 'files.jsonl';
const SUMMARY_FILE = 'summary.json';

/** One line in the format of coreutils: a name with a backslash or a line break is escaped, and the line starts with `\\`. */
export function sumsLine({ sha256, path }: Pick<ManifestEntry, 'sha256' | 'path'>): string {
  const escaped = path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${escaped === path ? '' : '\\'}${sha256}  ${escaped}\n`;
}

/** The files of one manifest, in their own directory. Each run that did not finish leaves one checkpoint file. */
export class ManifestFiles {
  readonly checkpoints: Checkpoints;

  constructor(readonly directory: string) {
    this.checkpoints = new Checkpoints(directory, 'checkpoint');
  }

  /** @throws Error when there is no finished manifest, or it cannot be read */
  async summary(): Promise<ManifestSummary> {
    return JSON.parse(await readFile(join(this.directory, SUMMARY_FILE), 'utf8')) as ManifestSummary;
  }

  async exists(): Promise<boolean> {
    return this.summary().then(
      () => true,
      () => false,
    );
  }

  /** In the order of paths. @param isOptional a manifest that does not exist has no entries */
  entries(isOptional = false): AsyncGenerator<ManifestEntry, void, undefined> {
    return readEntries(join(this.directory, ENTRIES_FILE), isOptional);
  }

  /** Replaces the last manifest by the finished checkpoint. */
  async finish(
    writer: EntryWriter,
    about: Pick<ManifestSummary, 'directory' | 'deploymentId'>,
  ): Promise<ManifestSummary> {
    await writer.close();
    const { files, bytes, rootSha256 } = await this.writeSums(writer.path);
    const summary: ManifestSummary = {
      version: 1,
      ...about,
      files,
      bytes,
      rootSha256,
      madeAt: new Date().toISOString(),
    };
    await this.checkpoints.finishAs(writer, ENTRIES_FILE);
    // Last: a manifest without its summary is not a finished one.
    await replaceDurably(join(this.directory, SUMMARY_FILE), `${JSON.stringify(summary, null, 2)}\n`);
    return summary;
  }

  private async writeSums(
    entriesPath: string,
  ): Promise<Pick<ManifestSummary, 'files' | 'bytes' | 'rootSha256'>> {
    const temporary = join(this.directory, `${SUMS_FILE}.tmp`);
    const file = await open(temporary, 'w');
    const hash = createHash('sha256');
    let [files, bytes, pending] = [0, 0, ''];
    const flush = async (): Promise<void> => {
      hash.update(pending);
      await file.writeFile(pending);
      pending = '';
    };
    try {
      for await (const entry of readEntries(entriesPath)) {
        files += 1;
        bytes += entry.sizeBytes;
        pending += sumsLine(entry);
        if (pending.length > 65_536) await flush();
      }
      await flush();
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(this.directory, SUMS_FILE));
    return { files, bytes, rootSha256: hash.digest('hex') };
  }
}

/** The first entry that is defined; the lists are ordered from new to old. */
export function newestOf<T>(entries: readonly (T | undefined)[]): T | null {
  return entries.find((entry) => entry !== undefined) ?? null;
}
