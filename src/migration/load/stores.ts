import type { ApiClient } from '../../tools/client/index.js';
import type { OldPictures, OldStoreRepository } from '../old-store/index.js';
import type { BoxStreams } from './box-streams.js';
import type { LedgerStream, StoreName } from './ledger.js';
import type { RunNumbers } from './run-numbers.js';

/** Difference of two clocks, and time from the arrival of a post to its document. */
const SLACK_MS = 300_000;

/** A server's store: it counts the copies of each entry. */
export interface LoadStore {
  readonly name: StoreName;
  /** Counts from zero. @param endMs end of the load, epoch milliseconds */
  read(endMs: number): Promise<void>;
  /** False: the store never has this entry, for a known reason. */
  isExpected(stream: LedgerStream, n: number): boolean;
}

/** What Samserver stores, by its API. */
export class SamserverStore implements LoadStore {
  readonly name = 'samserver';

  constructor(
    private readonly api: ApiClient,
    private readonly numbers: RunNumbers,
    private readonly boxes: readonly { readonly streams: BoxStreams; readonly vehicleId: string }[],
    private readonly devices: readonly { readonly stream: LedgerStream; readonly vehicleId: string }[],
  ) {}

  isExpected(): boolean {
    return true;
  }

  async read(endMs: number): Promise<void> {
    for (const { streams, vehicleId } of this.boxes) {
      await this.readPositions(vehicleId, streams.positions, endMs, (mps) => this.numbers.ofPosition(mps));
      await this.readPictures(vehicleId, streams);
      await this.readCrashes(vehicleId, streams.crashes);
    }
    for (const { stream, vehicleId } of this.devices)
      await this.readPositions(vehicleId, stream, endMs, (mps) => this.numbers.ofDevicePosition(mps));
  }

  /** A position in quarantine is stored, too. */
  private async readPositions(
    vehicleId: string,
    stream: LedgerStream,
    endMs: number,
    numberOf: (speedMps: number) => number,
  ): Promise<void> {
    stream.forget(this.name);
    if (stream.size === 0) return;
    const fromMs = this.numbers.startMs - SLACK_MS;
    for await (const { speedMps } of this.api.positions(vehicleId, fromMs, endMs + SLACK_MS))
      if (speedMps !== undefined) stream.found(this.name, numberOf(speedMps));
    for await (const { position, releasedAt } of this.api.quarantine(vehicleId)) {
      if (Date.parse(position.receivedAt) < fromMs) return;
      if (releasedAt === null && position.speedMps !== undefined)
        stream.found(this.name, numberOf(position.speedMps));
    }
  }

  private async readPictures(vehicleId: string, streams: BoxStreams): Promise<void> {
    streams.cameras.forEach((stream) => stream.forget(this.name));
    if (streams.cameras.every(({ size }) => size === 0)) return;
    for await (const { sha256, createdAt } of this.api.images(vehicleId)) {
      if (Date.parse(createdAt) < this.numbers.startMs - SLACK_MS) return;
      const picture = streams.pictureOf(sha256);
      if (picture) streams.cameras[picture[0]]?.found(this.name, picture[1]);
    }
  }

  private async readCrashes(vehicleId: string, stream: LedgerStream): Promise<void> {
    stream.forget(this.name);
    if (stream.size === 0) return;
    for await (const { reportedAt, lat } of this.api.crashes(vehicleId)) {
      if (Date.parse(reportedAt) < this.numbers.startMs - SLACK_MS) return;
      if (lat !== null) stream.found(this.name, this.numbers.ofCrash(lat));
    }
  }
}

/** What the old server stores: documents in its database, files beside it. */
export class OldStore implements LoadStore {
  readonly name = 'old';
  private readonly byAmbulance: ReadonlyMap<string, BoxStreams>;

  /** @param pictures null: the run sends none */
  constructor(
    private readonly documents: OldStoreRepository,
    private readonly pictures: OldPictures | null,
    private readonly numbers: RunNumbers,
    boxes: readonly { readonly streams: BoxStreams; readonly ambulanceId: string }[],
  ) {
    this.byAmbulance = new Map(boxes.map(({ streams, ambulanceId }) => [ambulanceId, streams]));
  }

  /** The old server writes no history for the first position of a vehicle. */
  isExpected(stream: LedgerStream, n: number): boolean {
    return stream.kind !== 'device position' && !(stream.kind === 'position' && n === 0);
  }

  async read(endMs: number): Promise<void> {
    const [fromMs, toMs] = [this.numbers.startMs - SLACK_MS, endMs + SLACK_MS];
    for (const { positions, cameras, crashes } of this.byAmbulance.values())
      for (const stream of [positions, crashes, ...cameras]) stream.forget(this.name);
    for await (const { ambulanceId, speedKmh } of this.documents.histories(fromMs, toMs)) {
      const number = speedKmh === null ? Infinity : this.numbers.ofPosition(speedKmh / 3.6);
      this.byAmbulance.get(ambulanceId)?.positions.found(this.name, number);
    }
    for await (const { ambulanceId, fields } of this.documents.crashes(fromMs, toMs)) {
      const { lat } = (fields['location'] ?? {}) as { readonly lat?: unknown };
      if (typeof lat === 'number')
        this.byAmbulance.get(ambulanceId)?.crashes.found(this.name, this.numbers.ofCrash(lat));
    }
    if (this.pictures) await this.readPictures(this.pictures, fromMs, toMs);
  }

  private async readPictures(pictures: OldPictures, fromMs: number, toMs: number): Promise<void> {
    // Counts each document once: a post moves from the newest to the histories while it is read.
    const counted = new Set<string>();
    const count = async (ambulanceId: string, paths: readonly string[]): Promise<void> => {
      const streams = this.byAmbulance.get(ambulanceId);
      if (!streams || counted.has(paths.join('\n'))) return;
      counted.add(paths.join('\n'));
      for (const path of paths) {
        const sha256 = await pictures.sha256(path, (hash) => streams.pictureOf(hash) !== null);
        const picture = sha256 === null ? null : streams.pictureOf(sha256);
        if (picture) streams.cameras[picture[0]]?.found(this.name, picture[1]);
      }
    };
    for (const { ambulanceId, paths } of await this.documents.newestPictures([...this.byAmbulance.keys()]))
      await count(ambulanceId, paths);
    for await (const { ambulanceId, paths } of this.documents.pictureHistories(fromMs, toMs))
      await count(ambulanceId, paths);
  }
}
