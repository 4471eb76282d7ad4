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
  SubscriberClient,
} from '../client/index.js';
import { LiveVehicles } from './live-vehicles.js';
import { VehicleDirectory } from './vehicle-directory.js';
import { ConnectionStatus } from './connection-status.js';
import type { WatchCommandOptions } from './options.js';
import { Screen } from './screen.js';
import { lineOf, screenOf, summaryLineOf } from './view.js';

const CONNECT_MS = 10_000;
/** At most 4 redraws a second. */
const REDRAW_MS = 250;
/** New vehicles tend to come together: one question for all of them. */
const LOOKUP_DELAY_MS = 100;

/** @throws UnreachableError, ApiError, SocketClientError when the watch cannot begin */
export async function watch(options: WatchCommandOptions, login: AdminLogin, io: CommandIo): Promise<number> {
  const session = new ApiSession(options.url, login.email, login.password);
  const directory = new VehicleDirectory(new ApiClient(options.url, { accessToken: session.accessToken }));
  // Before the screen is taken: what is wrong with the address or the login is told on the ordinary one.
  await directory.refresh();
  return new WatchSession(options, session, directory, io).run();
}

class WatchSession {
  private readonly liveVehicles = new LiveVehicles();
  private readonly connection = new ConnectionStatus();
  private readonly screen: Screen | null;
  private readonly subscriber: SubscriberClient;
  private readonly startedAtMs = performance.now();
  /** Held back until the names of newcomers are known. */
  private heldItems: StreamedItem[] | null = null;
  private failure?: SocketClientError;
  private end: (exitCode: number) => void = () => undefined;

  constructor(
    private readonly options: WatchCommandOptions,
    session: ApiSession,
    private readonly directory: VehicleDirectory,
    private readonly io: CommandIo,
  ) {
    this.screen = io.stdout.isTTY ? new Screen(io.stdout) : null;
    this.subscriber = new SubscriberClient(options.socketUrl, session.accessToken, {
      onItem: (item) => this.onItem(item),
      onSnapshot: (snapshot) => {
        this.connection.onSnapshot(snapshot.map(({ position }) => position.receivedAt));
        this.liveVehicles.begin(snapshot);
        this.refreshDirectory(snapshot.map(({ vehicleId }) => vehicleId));
      },
      onLeft: (vehicleId) => this.liveVehicles.remove(vehicleId),
      onVehicle: (vehicle) => this.directory.put(vehicle),
      onConnectionState: (state) => {
        this.connection.onConnectionState(state);
        this.printConnection();
      },
      onResync: (reason) => this.connection.onResync(reason),
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
      const subscribed = this.subscriber.connect(CONNECT_MS).then(() => this.subscriber.watch({ bbox }));
      const early = await Promise.race([subscribed.then(() => null), ended]);
      if (early !== null) {
        // Its failure is nobody's concern any more.
        subscribed.catch(() => undefined);
        return early;
      }
      this.screen?.open();
      this.draw();
      redraw = setInterval(() => this.draw(), REDRAW_MS);
      return await ended;
    } finally {
      clearTimeout(timer);
      clearInterval(redraw);
      this.subscriber.close();
      if (redraw) this.screen?.close();
      if (this.failure) this.io.stderr.write(`the stream ended: ${printable(this.failure.message)}\n`);
      this.io.stderr.write(
        summaryLineOf(this.liveVehicles, this.connection, (performance.now() - this.startedAtMs) / 1000),
      );
    }
  }

  private onItem(item: StreamedItem): void {
    if (this.heldItems === null && !this.directory.needsLookup(item.vehicleId)) return this.show(item);
    this.heldItems ??= [];
    this.heldItems.push(item);
    if (this.heldItems.length === 1) setTimeout(() => void this.lookUpVehicles(), LOOKUP_DELAY_MS);
  }

  /** Refreshes the names, then shows what waited for them. */
  private async lookUpVehicles(): Promise<void> {
    // While the service is away its names are too; vehicles go by their ids then.
    await this.directory.refresh().catch(() => undefined);
    const waited = this.heldItems ?? [];
    this.heldItems = null;
    this.directory.asked(waited.map(({ vehicleId }) => vehicleId));
    for (const item of waited) this.show(item);
  }

  /** Statuses may have changed while nobody listened, and names may be new. */
  private refreshDirectory(vehicleIds: readonly string[]): void {
    void this.directory
      .refresh()
      .then(() => this.directory.asked(vehicleIds))
      .catch(() => undefined);
  }

  private show(item: StreamedItem): void {
    if (!this.isWanted(item.vehicleId)) return;
    this.connection.onItem(item.position.receivedAt);
    this.liveVehicles.add(item);
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
    const rows = this.liveVehicles.all().filter(({ vehicleId }) => this.isWanted(vehicleId));
    const head = `${this.options.url}  ${this.connection.text}`;
    screen.draw(screenOf(head, rows, this.directory, Date.now(), size));
  }

  /** Without a table there is no line to put it in; the fixes' own stream stays clean. */
  private printConnection(): void {
    if (this.screen === null) this.io.stderr.write(`${this.connection.text}\n`);
  }

  /** Told when the screen is the ordinary one again. */
  private fail(error: SocketClientError): void {
    this.failure = error;
    this.end(EXIT.failed);
  }
}
