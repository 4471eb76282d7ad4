import { OldPanelClient, type PanelFrame, SubscriberClient } from '../../tools/client/index.js';
import type { BoxStreams } from './box-streams.js';
import type { LedgerStream } from './ledger.js';
import type { RunNumbers } from './run-numbers.js';

const CONNECT_MS = 10_000;
const ROOMS = ['tracking', 'snap', 'crash'];

export interface ViewerReport {
  /** `panel 1`, `watcher 2` */
  readonly name: string;
  readonly received: number;
  /** Acknowledged posts that it was not sent. */
  readonly missing: number;
  readonly doubled: number;
  readonly cuts: number;
}

/** What one panel or watcher has received of each stream. */
class Received {
  private readonly counts = new Map<LedgerStream, Uint8Array>();
  private received = 0;
  private doubled = 0;

  constructor(streams: readonly LedgerStream[]) {
    for (const stream of streams) this.counts.set(stream, new Uint8Array(0));
  }

  add(stream: LedgerStream, n: number): void {
    const counts = this.counts.get(stream);
    if (!counts || n >= stream.size) return;
    const room = n < counts.length ? counts : grown(counts, 2 * (n + 1));
    this.counts.set(stream, room);
    if (room[n] === 0) this.received += 1;
    else if (room[n] === 1) this.doubled += 1;
    room[n] = Math.min((room[n] ?? 0) + 1, 2);
  }

  missing(): number {
    let missing = 0;
    for (const [stream, counts] of this.counts)
      for (let n = 0; n < stream.size; n += 1)
        if (stream.outcome(n) === 'acknowledged' && (counts[n] ?? 0) === 0) missing += 1;
    return missing;
  }

  report(): Pick<ViewerReport, 'received' | 'missing' | 'doubled'> {
    return { received: this.received, missing: this.missing(), doubled: this.doubled };
  }
}

function grown(counts: Uint8Array, size: number): Uint8Array {
  const larger = new Uint8Array(size);
  larger.set(counts);
  return larger;
}

/** A panel or watcher of the run. */
export interface Viewer {
  connect(): Promise<void>;
  /** Acknowledged posts that it has not received so far. */
  missing(): number;
  report(): ViewerReport;
  close(): void;
}

/** A panel of the old server in the rooms for all vehicles. */
export class PanelViewer implements Viewer {
  private readonly received: Received;
  private readonly client: OldPanelClient;

  constructor(
    private readonly name: string,
    socketUrl: string,
    private readonly boxes: ReadonlyMap<string, BoxStreams>,
    private readonly numbers: RunNumbers,
  ) {
    const shown = [...boxes.values()].flatMap(({ positions, cameras: [camera], crashes }) => [
      positions,
      crashes,
      ...(camera ? [camera] : []),
    ]);
    this.received = new Received(shown);
    this.client = new OldPanelClient(socketUrl, ROOMS, (frame) => this.onFrame(frame));
  }

  connect(): Promise<void> {
    return this.client.connect(CONNECT_MS);
  }

  missing(): number {
    return this.received.missing();
  }

  report(): ViewerReport {
    return { name: this.name, ...this.received.report(), cuts: this.client.cuts };
  }

  close(): void {
    this.client.close();
  }

  private onFrame(frame: PanelFrame): void {
    const { body } = frame as { readonly body?: PanelFrame };
    // A frame of pictures has the fields of the post in `body`; a post counts once, whatever the number of its pictures.
    const fields = typeof body === 'object' && body !== null ? body : frame;
    const box = this.boxes.get(String(fields['ambulance_id']));
    if (!box) return;
    if (fields === body && box.cameras[0]) this.received.add(box.cameras[0], Number(fields['Time']));
    else if (frame['type'] === 'TRACKING')
      this.received.add(box.positions, this.numbers.ofPosition(Number(frame['tracking_speed']) / 3.6));
    else if (frame['type'] === 'CRASH')
      this.received.add(box.crashes, this.numbers.ofCrash(Number(frame['tracking_latitude'])));
  }
}

/** A watcher of `/live`, of the vehicles of the run. */
export class WatcherViewer implements Viewer {
  private readonly received: Received;
  private readonly client: SubscriberClient;
  private cuts = -1;

  /** @param vehicles vehicle id → its stream, and the number of a position in it */
  constructor(
    private readonly name: string,
    socketUrl: string,
    token: () => Promise<string>,
    private readonly vehicles: ReadonlyMap<
      string,
      { readonly stream: LedgerStream; readonly numberOf: (speedMps: number) => number }
    >,
  ) {
    this.received = new Received([...vehicles.values()].map(({ stream }) => stream));
    this.client = new SubscriberClient(socketUrl, token, {
      onItem: ({ vehicleId, position: { speedMps } }) => {
        const vehicle = vehicles.get(vehicleId);
        if (vehicle && speedMps !== undefined) this.received.add(vehicle.stream, vehicle.numberOf(speedMps));
      },
      onConnectionState: (state) => (this.cuts += state === 'connected' ? 1 : 0),
    });
  }

  async connect(): Promise<void> {
    await this.client.connect(CONNECT_MS);
    await this.client.watch({ vehicleIds: [...this.vehicles.keys()] });
  }

  missing(): number {
    return this.received.missing();
  }

  report(): ViewerReport {
    return { name: this.name, ...this.received.report(), cuts: Math.max(0, this.cuts) };
  }

  close(): void {
    this.client.close();
  }
}
