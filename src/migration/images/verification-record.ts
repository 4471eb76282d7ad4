import { join } from 'node:path';
import { Checkpoints } from './checkpoints.js';
import { type EntryWriter, type ManifestEntry, readEntries } from './entry-lines.js';

/** What a backup has read of its copies and found right: one ManifestEntry a line. */
const VERIFIED_FILE = 'verified.jsonl';
/** A verification that was interrupted longer ago begins again: it must describe the files of today. */
const MAX_AGE_MS = 24 * 3_600_000;

/**
 * The files that a verification has read and found right. An interrupted one continues with it: a file that has the same
 * size and time since is not read again.
 */
export class VerificationRecord {
  private constructor(
    readonly earlier: readonly AsyncIterable<ManifestEntry>[],
    private readonly checkpoints: Checkpoints,
    private readonly writer: EntryWriter,
  ) {}

  /**
   * @param name of the kind of verification; one of another kind is not continued
   * @param isContinuingLast also takes over what the last finished verification found right (`keep`)
   */
  static async begin(directory: string, name: string, isContinuingLast = false): Promise<VerificationRecord> {
    const checkpoints = new Checkpoints(directory, `verifying-${name}`, MAX_AGE_MS);
    const { writer, earlier } = await checkpoints.begin();
    const last = isContinuingLast ? [readEntries(join(directory, VERIFIED_FILE), true)] : [];
    return new VerificationRecord([...earlier, ...last], checkpoints, writer);
  }

  async add(entry: ManifestEntry): Promise<void> {
    await this.writer.add(entry);
  }

  /** Ends a complete verification. @param isKept for the next one with `isContinuingLast` */
  async finish(isKept: boolean): Promise<void> {
    await this.writer.close();
    if (isKept) await this.checkpoints.finishAs(this.writer, VERIFIED_FILE);
    else await this.checkpoints.remove();
  }
}
