import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ApiClient,
  ApiSession,
  DeviceClient,
  SubscriberClient,
  type Delivery,
  type SocketClientError,
} from '../client/index.js';
import { type CommandIo, InterruptedError, ProgressDisplay, UsageError } from '../../core/commands/index.js';
import type { AdminLogin } from '../service-options.js';
import { registerVehicles, releaseVehicles, type ReplayVehicle } from './replay-vehicles.js';
import { LatencyHistogram } from './latency-histogram.js';
import { LiveDeliveryTracker } from './live-delivery-tracker.js';
import type { ReplayOptions } from './options.js';
import { playDrive } from './play-drive.js';
import type { Drive, PlannedFix } from './plan.js';
import { PROGRESS_LINE_INTERVAL_MS, ReplayProgress } from './progress.js';
import { reportOf, type RunReport } from './report.js';
import { Tally } from './tally.js';

const CONNECT_MS = 10_000;
/** Live frames arrive several times a second: after this time without one, missing fixes will not arrive. */
const LIVE_SILENCE_MS = 5_000;
const LIVE_LIMIT_MS = 60_000;

/**
 * One run, from the login to the report.
 * @throws UnreachableError, ApiError, SocketClientError when the run cannot begin; InterruptedError before the first fix
 */
export async function play(
  drives: readonly Drive[],
  options: ReplayOptions,
  login: AdminLogin,
  io: CommandIo,
): Promise<RunReport> {
  const { session, api } = await connectApi(options, login);
  if (!options.isConfirmed && (await api.me()).isLive)
    throw new UsageError(
      `${options.url} is a live service (ENVIRONMENT=LIVE): a replay would register vehicles and report positions in ` +
        'the real operation. To play all the same, add --yes',
    );
  const units: ReplayVehicle[] = [];
  const notes: string[] = [];
  try {
    await registerVehicles(api, drives, units, io.signal);
    if (io.signal.aborted) throw new InterruptedError();
    return await new ReplayRun(units, options, session, notes).play(io);
  } finally {
    const failures = await releaseVehicles(api, units);
    if (failures > 0)
      io.stderr.write(
        'not every vehicle of this run could be set out of service and lose its device token; ' +
          'replay --clean archives them\n',
      );
  }
}

/** Logs in first, so that a missing service or a wrong password is found before anything is changed. */
export async function connectApi(
  { url }: Pick<ReplayOptions, 'url'>,
  login: AdminLogin,
): Promise<{ session: ApiSession; api: ApiClient }> {
  const session = new ApiSession(url, login.email, login.password);
  await session.accessToken();
  return { session, api: new ApiClient(url, { accessToken: session.accessToken }) };
}

class ReplayRun {
  private readonly deliveries = new LiveDeliveryTracker();
  private readonly latencies = new LatencyHistogram();
  private readonly tallies: readonly Tally[];
  private readonly clients: readonly DeviceClient[];
  private readonly subscriber: SubscriberClient;

  constructor(
    private readonly units: readonly ReplayVehicle[],
    private readonly options: ReplayOptions,
    session: ApiSession,
    private readonly notes: string[],
  ) {
    this.tallies = units.map(() => new Tally());
    this.clients = units.map(
      (unit) =>
        new DeviceClient(options.socketUrl, unit.token, {
          maxBatch: options.batch,
          onRequest: ({ latencyMs }) => this.latencies.add(latencyMs),
        }),
    );
    for (const unit of units) this.deliveries.addVehicle(unit.vehicleId);
    this.subscriber = new SubscriberClient(options.socketUrl, session.accessToken, {
      onItem: ({ vehicleId, position }) => this.deliveries.received(vehicleId, Date.parse(position.time)),
      onResync: (reason) => notes.push(`the live stream started again: ${reason}`),
      onEnd: (error: SocketClientError) => notes.push(`the live stream ended: ${error.message}`),
    });
  }

  async play(io: CommandIo): Promise<RunReport> {
    try {
      await this.subscriber.connect(CONNECT_MS);
      // Subscribes before the first fix: the subscription does not show earlier fixes.
      await this.subscriber.watch({ vehicleIds: this.units.map((unit) => unit.vehicleId) });
      await Promise.all(this.clients.map((client) => client.connect(CONNECT_MS)));
      if (io.signal.aborted) throw new InterruptedError();
      const seconds = await this.sendAll(io);
      await this.waitForLive();
      return this.report(seconds, io.signal.aborted);
    } finally {
      this.subscriber.close();
      await Promise.all(this.clients.map((client) => client.close(0)));
    }
  }

  private async sendAll(io: CommandIo): Promise<number> {
    const progress = new ReplayProgress(this.driveProgress(), this.latencies);
    const display = new ProgressDisplay(io.stdout, () => progress.lines(), PROGRESS_LINE_INTERVAL_MS);
    if (!this.options.isJson) display.start();
    const startedAtMs = performance.now();
    const startMs = Date.now();
    // Each drive adds a listener; this copy keeps the listener limit of the caller's signal as it is.
    const signal = AbortSignal.any([io.signal]);
    setMaxListeners(0, signal);
    try {
      await Promise.all(this.units.map((_, index) => this.sendDrive(index, startedAtMs, startMs, signal)));
    } finally {
      display.stop();
    }
    return (performance.now() - startedAtMs) / 1000;
  }

  private async sendDrive(
    index: number,
    startedAtMs: number,
    startMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const unit = this.units[index];
    const client = this.clients[index];
    const tally = this.tallies[index];
    if (unit === undefined || client === undefined || tally === undefined) return;
    await playDrive(unit.drive.fixes(startMs), {
      client,
      startedAtMs,
      // Allows one batch in flight and one that is being filled.
      window: 2 * this.options.batch,
      patienceMs: this.options.patienceMs,
      signal,
      onSent: () => (tally.sent += 1),
      onDelivery: (delivery, fix) => {
        tally.count(delivery);
        if (isStoredNow(delivery, unit)) this.deliveries.stored(unit.vehicleId, timeMsOf(fix));
      },
      onFailure: (code) => tally.fail(code),
    });
  }

  private async waitForLive(): Promise<void> {
    const beganAtMs = performance.now();
    while (this.deliveries.totalMissing > 0) {
      const nowMs = performance.now();
      const lastAtMs = Math.max(beganAtMs, this.deliveries.lastReceivedAtMs);
      if (nowMs - lastAtMs > LIVE_SILENCE_MS || nowMs - beganAtMs > LIVE_LIMIT_MS) return;
      await sleep(25);
    }
  }

  private report(seconds: number, isInterrupted: boolean): RunReport {
    return reportOf({
      drives: this.units.map(({ drive, callSign, vehicleId }, index) => ({
        track: drive.track,
        callSign,
        total: drive.total,
        vehicleId,
        tally: this.tallies[index] ?? new Tally(),
      })),
      deliveries: this.deliveries,
      latencies: this.latencies,
      resends: this.clients.reduce((count, client) => count + client.resends, 0),
      seconds,
      isInterrupted,
      notes: this.notes,
    });
  }

  private driveProgress(): { name: string; total?: number; tally: Tally }[] {
    return this.units.map(({ drive }, index) => ({
      name: drive.track,
      total: drive.total,
      tally: this.tallies[index] ?? new Tally(),
    }));
  }
}

/** A `duplicate` after a resend was stored by the earlier try; on a reused vehicle it can be from an earlier run. */
function isStoredNow(delivery: Delivery, unit: ReplayVehicle): boolean {
  return (
    delivery.verdict === 'stored' || (delivery.verdict === 'duplicate' && delivery.attempts > 1 && unit.isNew)
  );
}

function timeMsOf(fix: PlannedFix): number {
  return Date.parse(fix.position.time);
}
