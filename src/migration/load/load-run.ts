import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandIo, InterruptedError, ProgressDisplay, UsageError } from '../../core/commands/index.js';
import { type NumberedJpegs, prepareJpegs } from '../../tools/boxes/index.js';
import type { ApiClient, ApiSession } from '../../tools/client/index.js';
import { registrationFor } from '../../tools/replay/index.js';
import { OldPictures, OldStoreRepository } from '../old-store/index.js';
import { BoxLoad, type LoadContext } from './box-load.js';
import { BoxStreams } from './box-streams.js';
import { DeviceLoad } from './device-load.js';
import { Ledger } from './ledger.js';
import type { LoadOptions } from './load-options.js';
import { type LoadPlan, MAX_ENTRIES } from './load-plan.js';
import { type LoadReport, loadReport } from './load-report.js';
import { LoadLimits } from './load-limits.js';
import { RunNumbers } from './run-numbers.js';
import { RunRecords } from './run-records.js';
import { type LoadStore, OldStore, SamserverStore } from './stores.js';
import { PanelViewer, type Viewer, WatcherViewer } from './viewers.js';

const LINE_INTERVAL_MS = 1_000;
const FIRST_READ_PAUSE_MS = 250;
const LONGEST_READ_PAUSE_MS = 5_000;

/** What a run needs of Samserver; null when it uses neither its API nor its sockets. */
export interface Login {
  readonly session: ApiSession;
  readonly api: ApiClient;
}

/** One load, from the registration of the vehicles to the report. */
export class LoadRun {
  private readonly ledger = new Ledger(MAX_ENTRIES);
  private readonly numbers: RunNumbers;
  private readonly boxes: ReadonlyMap<string, BoxStreams>;
  /** Box code → vehicle of Samserver. */
  private readonly vehicles = new Map<string, string>();
  private readonly deviceLoad: DeviceLoad | null;
  private viewers: readonly Viewer[] = [];

  private constructor(
    private readonly plan: LoadPlan,
    private readonly options: LoadOptions,
    private readonly login: Login | null,
    private readonly old: OldStoreRepository | null,
    private readonly records: RunRecords,
    jpegs: NumberedJpegs,
  ) {
    this.numbers = new RunNumbers(Date.now(), plan.everyMs);
    this.boxes = new Map(
      plan.boxCodes.map((code, index) => [
        code,
        new BoxStreams(this.ledger, code, index, this.numbers, jpegs),
      ]),
    );
    this.deviceLoad = login && new DeviceLoad(login.api, this.ledger);
  }

  /**
   * @param oldDatabaseUrl null: the old server's store is not read
   * @throws CommandError
   */
  static async run(
    plan: LoadPlan,
    options: LoadOptions,
    login: Login | null,
    oldDatabaseUrl: string | null,
    io: CommandIo,
  ): Promise<LoadReport> {
    const records = await RunRecords.open(options.ledger ?? null);
    let old: OldStoreRepository | null = null;
    try {
      if (oldDatabaseUrl !== null) old = await OldStoreRepository.open(oldDatabaseUrl);
      return await new LoadRun(plan, options, login, old, records, await prepareJpegs()).run(io);
    } finally {
      await old?.close();
      await records.close();
    }
  }

  private async run(io: CommandIo): Promise<LoadReport> {
    const { plan, options, deviceLoad } = this;
    try {
      if (options.stores.includes('samserver') || plan.watchers > 0) await this.registerBoxes();
      await deviceLoad?.register(plan.devices, plan.durationMs, options.seed, io.signal);
      const stores = await this.openStores();
      this.viewers = this.createViewers();
      await Promise.all(this.viewers.map((viewer) => viewer.connect()));
      if (io.signal.aborted) throw new InterruptedError();
      const beganAtMs = performance.now();
      const limits = new LoadLimits(this.records, options.maxMemory, io.signal);
      await this.send(io, limits);
      const seconds = (performance.now() - beganAtMs) / 1_000;
      await this.reconcile(stores, Date.now(), io);
      return loadReport({
        ledger: this.ledger,
        records: this.records,
        stores,
        viewers: this.viewers.map((viewer) => viewer.report()),
        logIns: deviceLoad?.logIns ?? NO_LOG_INS,
        seconds,
        endedEarly: limits.reached,
        isInterrupted: io.signal.aborted,
      });
    } finally {
      this.viewers.forEach((viewer) => viewer.close());
      const failures = (await deviceLoad?.release()) ?? 0;
      if (failures > 0) io.stderr.write('not every vehicle of this load was released: replay --clean\n');
    }
  }

  /** A box that no vehicle of Samserver has gets one, which `replay --clean` archives. */
  private async registerBoxes(): Promise<void> {
    if (!this.login || this.boxes.size === 0) return;
    const { api } = this.login;
    const wanted = new Set(this.boxes.keys());
    for await (const { id, boxCode } of api.vehicles())
      if (typeof boxCode === 'string' && wanted.delete(boxCode)) this.vehicles.set(boxCode, id);
    for (const boxCode of wanted) {
      const callSign = `LOAD-${boxCode}`;
      const names = { callSign, registration: registrationFor(callSign), type: 'other', boxCode };
      this.vehicles.set(boxCode, (await api.createVehicle({ ...names, status: 'out_of_service' })).id);
    }
  }

  /** @throws UsageError when a box has no ambulance */
  private async openStores(): Promise<LoadStore[]> {
    const stores: LoadStore[] = [];
    const boxes = [...this.boxes.values()];
    if (this.options.stores.includes('samserver') && this.login) {
      const known = boxes.map((streams) => ({ streams, vehicleId: this.vehicles.get(streams.code) ?? '' }));
      stores.push(new SamserverStore(this.login.api, this.numbers, known, this.deviceLoad?.devices ?? []));
    }
    if (this.old) {
      const ids = await this.old.ambulanceIds(this.plan.boxCodes);
      const missing = this.plan.boxCodes.filter((code) => !ids.has(code));
      if (missing.length > 0)
        throw new UsageError(`the old system has no ambulance with the box code ${missing.join(', ')}`);
      const known = boxes.map((streams) => ({ streams, ambulanceId: ids.get(streams.code) ?? '' }));
      const place = this.options.oldPictures;
      const pictures = place === undefined ? null : new OldPictures(place);
      stores.push(new OldStore(this.old, pictures, this.numbers, known));
    }
    return stores;
  }

  private createViewers(): Viewer[] {
    const { plan, login, numbers, boxes } = this;
    const panels = Array.from(
      { length: plan.panels },
      (_, index) => new PanelViewer(`panel ${index + 1}`, plan.panelsUrl, boxes, numbers),
    );
    if (!login) return panels;
    const vehicles = new Map([
      ...[...boxes.values()].map(
        ({ code, positions: stream }) =>
          [
            this.vehicles.get(code) ?? '',
            { stream, numberOf: (mps: number) => numbers.ofPosition(mps) },
          ] as const,
      ),
      ...(this.deviceLoad?.devices ?? []).map(
        ({ vehicleId, stream }) =>
          [vehicleId, { stream, numberOf: (mps: number) => numbers.ofDevicePosition(mps) }] as const,
      ),
    ]);
    const watchers = Array.from(
      { length: plan.watchers },
      (_, index) =>
        new WatcherViewer(`watcher ${index + 1}`, plan.socketUrl, login.session.accessToken, vehicles),
    );
    return [...panels, ...watchers];
  }

  private async send(io: CommandIo, limits: LoadLimits): Promise<void> {
    const { plan, options, numbers, records } = this;
    const display = new ProgressDisplay(io.stderr, () => [this.progressLine()], LINE_INTERVAL_MS);
    if (!options.json) display.start();
    limits.start();
    try {
      const context: LoadContext = {
        plan,
        numbers,
        records,
        seed: options.seed,
        maxInFlight: options.maxInFlight,
        startedAtMs: performance.now(),
        signal: limits.signal,
      };
      await Promise.all([
        ...[...this.boxes.values()].map((streams, index) => new BoxLoad(streams, index, context).run()),
        this.deviceLoad?.run(context),
      ]);
    } finally {
      limits.stop();
      display.stop();
    }
  }

  /** Reads the stores again until each has what it acknowledged, or the time is over. */
  private async reconcile(stores: readonly LoadStore[], endMs: number, io: CommandIo): Promise<void> {
    const untilMs = performance.now() + this.options.settle * 1_000;
    let open = [...stores];
    for (let pauseMs = FIRST_READ_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_READ_PAUSE_MS)) {
      for (const store of open) await store.read(endMs);
      open = open.filter((store) => this.isMissingIn(store));
      const isShown = this.viewers.every((viewer) => viewer.missing() === 0);
      if ((open.length === 0 && isShown) || performance.now() > untilMs || io.signal.aborted) return;
      await sleep(pauseMs, undefined, { signal: io.signal }).catch(() => undefined);
    }
  }

  private isMissingIn(store: LoadStore): boolean {
    return this.ledger.streams.some(
      (stream) => stream.inStore(store.name, (n) => store.isExpected(stream, n)).lost > 0,
    );
  }

  private progressLine(): string {
    const { sent, acknowledged, failed, inFlight } = this.records;
    const seconds = Math.round((Date.now() - this.numbers.startMs) / 1_000);
    const [p50, p99] = [0.5, 0.99].map((share) =>
      [...this.records.latencies]
        .map(([kind, each]) => `${kind} ${each.percentileMs(share).toFixed(0)}`)
        .join(', '),
    );
    return `${seconds} s: ${sent} sent, ${acknowledged} acknowledged, ${failed} failed, ${inFlight} in flight; ms p50 ${p50}; p99 ${p99}`;
  }
}

const NO_LOG_INS = { count: 0, maxMs: 0, percentileMs: () => 0 };
