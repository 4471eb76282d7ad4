import { request } from 'node:http';
import { BOX_ROUTES, boxRequest, type BoxRequest, type NumberedJpegs } from '../../src/tools/boxes/index.js';
import { OldPanelClient, SubscriberClient } from '../../src/tools/client/index.js';
import { type FleetVehicle, SendingDevice } from '../support/fleet.js';
import { KMH_STEP, latitudeOf } from '../stack/support/numbered-boxes.js';

const POSITION_MS = 1_000;
const PICTURES_MS = 1_500;
const PROBE_MS = 1_000;
/** A box gives up earlier; a slow machine must not look like a lost post. */
const ANSWER_LIMIT_MS = 10_000;

export interface Post {
  /** `position 300 17`, `picture <SHA-256>` */
  readonly name: string;
  readonly atMs: number;
  readonly ms: number;
  /** HTTP status, or the error without one. */
  readonly end: number | string;
}

/** The longest time without a frame, and the longest without a frame in a part of the time. */
class Gaps {
  private lastMs: number | null = null;
  longestMs = 0;

  seen(): void {
    const nowMs = performance.now();
    if (this.lastMs !== null) this.longestMs = Math.max(this.longestMs, nowMs - this.lastMs);
    this.lastMs = nowMs;
  }

  /** Includes the time since the last frame. */
  get currentMs(): number {
    return Math.round(Math.max(this.longestMs, this.lastMs === null ? 0 : performance.now() - this.lastMs));
  }
}

/** What reaches the machine from outside: boxes with an address each, panels, watchers, devices, and a probe each second. */
export class Traffic {
  readonly posts: Post[] = [];
  readonly probes: { readonly atMs: number; readonly isGood: boolean }[] = [];
  private readonly open = new Set<Promise<void>>();
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly counts = new Map<string, number>();
  private readonly boxes: { readonly code: string; readonly index: number; readonly address: string }[] = [];
  private readonly panels: { readonly client: OldPanelClient; readonly gaps: Gaps }[] = [];
  private readonly watchers: { readonly client: SubscriberClient; readonly gaps: Gaps }[] = [];
  readonly devices: SendingDevice[] = [];

  constructor(
    private readonly url: string,
    private readonly jpegs: NumberedJpegs,
  ) {}

  startProbes(): void {
    this.every(PROBE_MS, () => this.probe());
  }

  addBox(code: string, address: string): void {
    const box = { code, index: this.boxes.length, address };
    this.boxes.push(box);
    this.every(POSITION_MS, () => this.position(box));
    this.every(PICTURES_MS, () => this.picture(box));
  }

  async addPanel(socketUrl: string): Promise<void> {
    const gaps = new Gaps();
    const client = new OldPanelClient(socketUrl, ['tracking'], () => gaps.seen());
    await client.connect(60_000);
    this.panels.push({ client, gaps });
  }

  async addWatcher(
    socketUrl: string,
    token: () => Promise<string>,
    vehicleIds: readonly string[],
  ): Promise<void> {
    const gaps = new Gaps();
    const client = new SubscriberClient(socketUrl, token, { onItem: () => gaps.seen() });
    await client.connect(60_000);
    await client.watch({ vehicleIds: [...vehicleIds] });
    this.watchers.push({ client, gaps });
  }

  addDevice(socketUrl: string, vehicle: FleetVehicle): void {
    this.devices.push(new SendingDevice(socketUrl, vehicle, 1_000));
  }

  /** Names of the boxes' codes and their numbers, as `latitudeOf` has them. */
  get indexes(): ReadonlyMap<string, number> {
    return new Map(this.boxes.map(({ code, index }) => [code, index]));
  }

  /** Until posts ended for them. */
  longestGapsMs: { panel: number | null; watcher: number | null } = { panel: null, watcher: null };

  /** From now on Samserver gets no posts, because the old server is alone again. */
  endWatchers(): void {
    this.longestGapsMs.watcher ??= longestOf(this.watchers);
  }

  /** No further post; resolves when each one has its end. */
  async stop(): Promise<void> {
    this.endWatchers();
    this.longestGapsMs.panel ??= longestOf(this.panels);
    this.timers.forEach((timer) => clearInterval(timer));
    await Promise.all(this.open);
    await Promise.all(this.devices.map((device) => device.stop()));
  }

  async close(): Promise<void> {
    this.timers.forEach((timer) => clearInterval(timer));
    await Promise.all(this.devices.map((device) => device.stop(0)));
    for (const { client } of [...this.panels, ...this.watchers]) client.close();
  }

  private every(ms: number, act: () => void): void {
    this.timers.push(setInterval(act, ms));
  }

  private position({ code, index, address }: (typeof this.boxes)[number]): void {
    const n = this.next(`position ${code}`);
    const fix = {
      lat: latitudeOf(index, n),
      lon: 100.5,
      speedMps: (n * KMH_STEP) / 3.6,
      headingDeg: 90,
    };
    this.post(`position ${code} ${n}`, address, boxRequest.position(code, fix));
  }

  private picture({ code, address }: (typeof this.boxes)[number]): void {
    const n = this.next(`picture ${code}`);
    const pictures = boxRequest.pictures(code, n, [this.jpegs.jpeg(code, n)]);
    this.post(`picture ${this.jpegs.sha256(code, n)}`, address, pictures);
  }

  private next(stream: string): number {
    const n = this.counts.get(stream) ?? 0;
    this.counts.set(stream, n + 1);
    return n;
  }

  private post(name: string, address: string, { kind, headers, body }: BoxRequest): void {
    const atMs = Date.now();
    const posting = this.send({ path: BOX_ROUTES[kind], method: 'POST', headers, body, address })
      .then((end) => void this.posts.push({ name, atMs, ms: Date.now() - atMs, end }))
      .finally(() => this.open.delete(posting));
    this.open.add(posting);
  }

  private probe(): void {
    const atMs = Date.now();
    const probing = this.send({ path: '/', method: 'GET', headers: { connection: 'close' } })
      .then((end) => void this.probes.push({ atMs, isGood: end === 200 }))
      .finally(() => this.open.delete(probing));
    this.open.add(probing);
  }

  /** A new connection for each, as the boxes do, and no repeat. */
  private send({ path, method, headers, body, address }: Sent): Promise<number | string> {
    return new Promise((settle) => {
      const outgoing = request(`${this.url}${path}`, {
        ...{ method, agent: false, headers: { ...headers }, timeout: ANSWER_LIMIT_MS },
        ...(address !== undefined && { localAddress: address }),
      });
      outgoing.once('timeout', () => outgoing.destroy(new Error('timeout')));
      outgoing.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
      outgoing.once('response', (response) => {
        response.resume();
        response.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
        response.once('end', () => settle(response.statusCode ?? 'no status'));
      });
      outgoing.end(body);
    });
  }
}

const longestOf = (viewers: readonly { readonly gaps: Gaps }[]): number =>
  Math.max(0, ...viewers.map(({ gaps }) => gaps.currentMs));

interface Sent {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body?: Buffer;
  readonly address?: string;
}
