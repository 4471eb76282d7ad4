/** One watch, from the login to the sum. */
import {
  ApiClient,
  ApiSession,
  type AdminLogin,
  type CommandIo,
  EXIT,
  printable,
  type SocketClientError,
  type StreamedItem,
  WatcherClient,
} from '../client/index.js';
import { Board } from './board.js';
import { Directory } from './directory.js';
import { LinkStatus } from './link-status.js';
import type { WatchCommandOptions } from './options.js';
import { Screen } from './screen.js';
import { lineOf, screenOf, sumOf } from './view.js';

const CONNECT_MS = 10_000;
/** At most 4 redraws a second. */
const REDRAW_MS = 250;
/** New vehicles tend to come together: one question for all of them. */
const GATHER_MS = 100;

/** @throws UnreachableError, ApiError, SocketClientError when the watch cannot begin */
export async function watch(options: WatchCommandOptions, login: AdminLogin, io: CommandIo): Promise<number> {
  const session = new ApiSession(options.url, login.email, login.password);
  const directory = new Directory(new ApiClient(options.url, { accessToken: session.accessToken }));
  // Before the screen is taken: what is wrong with the address or the login is told on the ordinary one.
  await directory.refresh();
  return new Watch(options, session, directory, io).run();
}

class Watch {
  private readonly board = new Board();
  private readonly link = new LinkStatus();
  private readonly screen: Screen | null;
  private readonly watcher: WatcherClient;
  private readonly startedAtMs = performance.now();
  /** Held back until the names of newcomers are known. */
  private waiting: StreamedItem[] | null = null;
  private failure?: SocketClientError;
  private end: (exitCode: number) => void = () => undefined;

  constructor(
    private readonly options: WatchCommandOptions,
    session: ApiSession,
    private readonly directory: Directory,
    private readonly io: CommandIo,
  ) {
    this.screen = io.stdout.isTTY ? new Screen(io.stdout) : null;
    this.watcher = new WatcherClient(options.socketUrl, session.accessToken, {
      onItem: (item) => this.take(item),
      onSnapshot: (snapshot) => {
        this.link.onSnapshot(snapshot.map(({ position }) => position.receivedAt));
        this.board.begin(snapshot);
        this.learn(snapshot.map(({ vehicleId }) => vehicleId));
      },
      onLeft: (vehicleId) => this.board.remove(vehicleId),
      onVehicle: (vehicle) => this.directory.put(vehicle),
      onLink: (state) => {
        this.link.onLink(state);
        this.tell();
      },
      onResync: (reason) => this.link.onResync(reason),
      onEnd: (error) => this.fail(error),
    });
  }

  async run(): Promise<number> {
    const ended = new Promise<number>((resolve) => (this.end = resolve));
    this.io.signal.addEventListener('abort', () => this.end(EXIT.interrupted));
    if (this.io.signal.aborted) return EXIT.interrupted;
    const { seconds, bbox } = this.options;
    const timer = seconds === undefined ? undefined : setTimeout(() => this.end(0), seconds * 1000);
    let redraw: NodeJS.Timeout | undefined;
    try {
      const begun = this.watcher.connect(CONNECT_MS).then(() => this.watcher.watch({ bbox }));
      const early = await Promise.race([begun.then(() => null), ended]);
      if (early !== null) {
        // Its failure is nobody's concern any more.
        begun.catch(() => undefined);
        return early;
      }
      this.screen?.open();
      this.draw();
      redraw = setInterval(() => this.draw(), REDRAW_MS);
      return await ended;
    } finally {
      clearTimeout(timer);
      clearInterval(redraw);
      this.watcher.close();
      if (redraw) this.screen?.close();
      if (this.failure) this.io.stderr.write(`the stream ended: ${printable(this.failure.message)}\n`);
      this.io.stderr.write(sumOf(this.board, this.link, (performance.now() - this.startedAtMs) / 1000));
    }
  }

  private take(item: StreamedItem): void {
    if (this.waiting === null && !this.directory.isWorthAsking(item.vehicleId)) return this.show(item);
    this.waiting ??= [];
    this.waiting.push(item);
    if (this.waiting.length === 1) setTimeout(() => void this.ask(), GATHER_MS);
  }

  /** Refreshes the names, then shows what waited for them. */
  private async ask(): Promise<void> {
    // While the service is away its names are too; vehicles go by their ids then.
    await this.directory.refresh().catch(() => undefined);
    const waited = this.waiting ?? [];
    this.waiting = null;
    this.directory.asked(waited.map(({ vehicleId }) => vehicleId));
    for (const item of waited) this.show(item);
  }

  /** Statuses may have changed while nobody listened, and names may be new. */
  private learn(vehicleIds: readonly string[]): void {
    void this.directory
      .refresh()
      .then(() => this.directory.asked(vehicleIds))
      .catch(() => undefined);
  }

  private show(item: StreamedItem): void {
    if (!this.isWanted(item.vehicleId)) return;
    this.link.onItem(item.position.receivedAt);
    this.board.add(item);
    if (this.screen === null) this.io.stdout.write(lineOf(item, this.directory));
  }

  private isWanted(vehicleId: string): boolean {
    const { prefixes } = this.options;
    const callSign = this.directory.get(vehicleId).callSign.toLowerCase();
    return prefixes.length === 0 || prefixes.some((prefix) => callSign.startsWith(prefix));
  }

  private draw(): void {
    const { screen } = this;
    if (screen === null) return;
    const size = { columns: screen.columns, lines: screen.lines, rows: this.options.rows };
    const rows = this.board.all().filter(({ vehicleId }) => this.isWanted(vehicleId));
    const head = `${this.options.url}  ${this.link.text}`;
    screen.draw(screenOf(head, rows, this.directory, Date.now(), size));
  }

  /** Without a table there is no line to put it in; the fixes' own stream stays clean. */
  private tell(): void {
    if (this.screen === null) this.io.stderr.write(`${this.link.text}\n`);
  }

  /** Told when the screen is the ordinary one again. */
  private fail(error: SocketClientError): void {
    this.failure = error;
    this.end(EXIT.failed);
  }
}
