import type { MoveJournal } from './move-journal.js';
import { type MoveRequest, REACTION_LIMIT_MS, readRequest } from './move-requests.js';

const EVERY_MS = 250;

/** Takes the requests of other terminals while a command runs. */
export class RequestWatcher {
  private readonly abort = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private taking: Promise<void> = Promise.resolve();
  private lastId: string | null = null;
  private taken: MoveRequest | null = null;

  /** @param accepts whether a request can be taken now; one that cannot stays */
  constructor(
    private readonly directory: string,
    private readonly journal: MoveJournal,
    private readonly accepts: (request: MoveRequest) => boolean,
  ) {}

  /** Aborted by a request for a rollback: what runs ends. */
  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** A request that was taken, once. */
  next(): MoveRequest | null {
    const request = this.taken;
    this.taken = null;
    return request;
  }

  async start(): Promise<void> {
    // A request from before the start was for another command.
    this.lastId = (await readRequest(this.directory))?.id ?? null;
    this.timer = setInterval(() => {
      this.taking = this.taking.then(() => this.poll());
    }, EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.taking;
  }

  private async poll(): Promise<void> {
    const request = await readRequest(this.directory);
    if (request === null || request.id === this.lastId || !this.accepts(request)) return;
    if (Date.now() - request.atMs > REACTION_LIMIT_MS) return;
    this.lastId = request.id;
    // Without the record the other terminal acts itself, and this command meets that at its next record.
    await this.journal.append({ kind: 'request.taken', request: request.id }).catch(() => undefined);
    this.taken = request;
    if (request.kind === 'rollback') this.abort.abort();
  }
}
