import { Inject, Injectable, Logger } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { loadBoxes, saveBoxes } from './spool-directory.js';

/** Keeps the box codes in the spool directory, for a process that starts while storage does not answer. */
@Injectable()
export class KnownBoxes {
  private readonly logger = new Logger(KnownBoxes.name);
  /** null: no spool. */
  private readonly directory: string | null;
  private saved = '[]';

  constructor(@Inject(SETTINGS) { legacy: { spool } }: Settings) {
    this.directory = spool.maxBytes > 0 ? spool.directory : null;
  }

  /** Vehicle ids by the codes that the last process knew. Never rejects. */
  async load(): Promise<ReadonlyMap<string, string>> {
    if (this.directory === null) return new Map();
    const boxes = await loadBoxes(this.directory);
    this.saved = JSON.stringify([...boxes]);
    return boxes;
  }

  /** Never rejects. */
  async save(boxes: ReadonlyMap<string, string>): Promise<void> {
    const text = JSON.stringify([...boxes]);
    if (this.directory === null || text === this.saved) return;
    try {
      await saveBoxes(this.directory, boxes);
      this.saved = text;
    } catch (error) {
      this.logger.warn({ err: error }, 'box codes not kept in the spool');
    }
  }
}
