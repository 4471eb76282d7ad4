import type { Document } from 'bson';
import { encode } from './bson-values.js';
import { CommandError } from './errors.js';
import type { Scan } from './scan.js';

/** A batch ends with the document that exceeds this. With one more document of 16 MiB it is below a message's limit. */
const BATCH_BYTES = 4_000_000;
/** Keys examined before other connections run. */
export const SLICE_KEYS = 1000;
/** MongoDB's `cursorTimeoutMillis`. */
const IDLE_TIMEOUT_MS = 600_000;

export type Project = (document: Document) => Document;

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Sends the matches of a scan in batches. Holds no document and no transaction between two batches. */
export class Cursor {
  constructor(
    readonly namespace: string,
    /** null for a collection that does not exist. */
    private readonly scan: Scan | null,
    private readonly project: Project | null,
    /** Documents that may still be sent; Infinity for all. */
    private left: number,
  ) {}

  get isExhausted(): boolean {
    return !this.scan || this.scan.isDone || this.left === 0;
  }

  /** @param size maximum number of documents; the size in bytes also limits the batch */
  async nextBatch(size: number): Promise<Buffer[]> {
    const batch: Buffer[] = [];
    let bytes = 0;
    const isFull = (): boolean => batch.length >= size || bytes >= BATCH_BYTES || this.isExhausted;
    while (this.scan && !isFull()) {
      for (const match of this.scan.run(SLICE_KEYS)) {
        const raw = this.project ? encode(this.project(match.document)) : match.raw;
        batch.push(raw);
        bytes += raw.length;
        this.left--;
        if (isFull()) return batch;
      }
      if (!this.scan.isDone) await nextTurn();
    }
    return batch;
  }
}

/** Cursors that wait for their next `getMore`, ordered by the time of the last use. */
export class Cursors {
  private readonly open = new Map<number, { cursor: Cursor; usedAt: number }>();
  private nextId = 1;

  /** @returns the id for the client; 0 when the cursor is exhausted */
  keep(cursor: Cursor, id = this.nextId++): number {
    this.dropIdle();
    if (cursor.isExhausted) return 0;
    this.open.set(id, { cursor, usedAt: Date.now() });
    return id;
  }

  /** Removes the cursor, so that two `getMore` commands cannot share it. @throws CommandError CursorNotFound */
  take(id: number, namespace: string): Cursor {
    const found = this.open.get(id);
    if (found?.cursor.namespace !== namespace) throw new CommandError(43, `cursor id ${id} not found`);
    this.open.delete(id);
    return found.cursor;
  }

  kill(id: number): void {
    this.open.delete(id);
  }

  private dropIdle(): void {
    const oldest = Date.now() - IDLE_TIMEOUT_MS;
    for (const [id, { usedAt }] of this.open) {
      if (usedAt >= oldest) return;
      this.open.delete(id);
    }
  }
}
