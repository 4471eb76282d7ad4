import { type CommandIo, EXIT_CODES, type ExitCode, printable } from '../../core/commands/index.js';
import {
  ApiClient,
  ApiSession,
  type SocketClientError,
  type StreamedItem,
  SubscriberClient,
} from '../client/index.js';
import type { AdminLogin } from '../service-options.js';
import { LiveVehicles } from './live-vehicles.js';
import { VehicleDirectory } from './vehicle-directory.js';
import { ConnectionStatus } from './connection-status.js';
import { Screen } from './screen.js';
import { lineOf, screenOf, summaryLineOf } from './view.js';

const CONNECT_MS = 10_000;
const REDRAW_MS = 250;
/** New vehicles often appear together: one request looks all of them up. */
const LOOKUP_DELAY_MS = 100;

export type BoundingBox = readonly [west: number, south: number, east: number, north: number];

export interface WatchOptions {
  /** Prefixes of call signs, lower case; none: every vehicle. */
  readonly prefixes: readonly string[];
  readonly bbox?: BoundingBox;
  readonly rows?: number;
  readonly seconds?: number;
  readonly url: string;
  readonly socketUrl: string;
}

/**
 * One watch, from the login to the summary line.
 * @throws UnreachableError, ApiError, SocketClientError when the watch cannot begin
 */
export async function watch(options: WatchOptions, login: AdminLogin, io: CommandIo): Promise<ExitCode> {
  const session = new ApiSession(options.url, login.email, login.password);
  const directory = new VehicleDirectory(new ApiClient(options.url, { accessToken: session.accessToken }));
  // Runs before the alternate screen opens, so that an error about the address or the login stays visible.
  await directory.refresh();
  return new WatchSession(options, session, directory, io).run();
}

class WatchSession {
  private readonly liveVehicles = new LiveVehicles();
  private readonly connection = new ConnectionStatus();
  private readonly screen: Screen | null;
  private readonly subscriber: SubscriberClient;
  private readonly startedAtMs = performance.now();
  /** Items of new vehicles, held until their call signs are known. */
  private heldItems: StreamedItem[] | null = null;
  private failure?: SocketClientError;
  private end: (exitCode: ExitCode) => void = () => undefined;

  constructor(
    private readonly options: WatchOptions,
    session: ApiSession,
    private readonly directory: VehicleDirectory,
    private readonly io: CommandIo,
  ) {
    this.screen = io.stdout.isTTY ? new Screen(io.stdout) : null;
    this.subscriber = new SubscriberClient(options.socketUrl, session.accessToken, {
      onItem: (item) => this.onItem(item),
      onSnapshot: (snapshot) => {
        this.connection.onSnapshot(snapshot.map(({ position }) => position.receivedAt));
        this.liveVehicles.applySnapshot(snapshot);
        this.refreshDirectory(snapshot.map(({ vehicleId }) => vehicleId));
      },
      onLeft: (vehicleId) => this.liveVehicles.remove(vehicleId),
      onVehicle: (vehicle) => this.directory.set(vehicle),
      onConnectionState: (state) => {
        this.connection.onConnectionState(state);
        this.printConnection();
      },
      onResync: (reason) => this.connection.onResync(reason),
      onEnd: (error) => this.fail(error),
    });
  }

  async run(): Promise<ExitCode> {
    const ended = new Promise<ExitCode>((resolve) => (this.end = resolve));
    this.io.signal.addEventListener('abort', () => this.end(EXIT_CODES.INTERRUPTED));
    if (this.io.signal.aborted) return EXIT_CODES.INTERRUPTED;
    const { seconds, bbox } = this.options;
    const timer =
      seconds === undefined ? undefined : setTimeout(() => this.end(EXIT_CODES.OK), seconds * 1000);
    let redraw: NodeJS.Timeout | undefined;
    try {
      const subscribed = this.subscriber.connect(CONNECT_MS).then(() => this.subscriber.watch({ bbox }));
      const early = await Promise.race([subscribed.then(() => null), ended]);
      if (early !== null) {
        // The session is over: a later failure of the connection must not be reported.
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

  /** Refreshes the directory, then shows the held items. */
  private async lookUpVehicles(): Promise<void> {
    // During an outage of the API a vehicle is shown by its id.
    await this.directory.refresh().catch(() => undefined);
    const held = this.heldItems ?? [];
    this.heldItems = null;
    this.directory.markLookedUp(held.map(({ vehicleId }) => vehicleId));
    for (const item of held) this.show(item);
  }

  /** Call signs and statuses can have changed while the client was disconnected. */
  private refreshDirectory(vehicleIds: readonly string[]): void {
    void this.directory
      .refresh()
      .then(() => this.directory.markLookedUp(vehicleIds))
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

  /** Prints the state of the connection on stderr when there is no table: stdout contains only the fixes. */
  private printConnection(): void {
    if (this.screen === null) this.io.stderr.write(`${this.connection.text}\n`);
  }

  /** The message is printed after the alternate screen is closed. */
  private fail(error: SocketClientError): void {
    this.failure = error;
    this.end(EXIT_CODES.FAILURE);
  }
}
