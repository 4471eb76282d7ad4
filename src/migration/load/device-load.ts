import { type ApiClient, DeviceClient } from '../../tools/client/index.js';
import {
  LatencyHistogram,
  planSimulation,
  playDrive,
  type PlannedFix,
  registerVehicles,
  releaseVehicles,
  type ReplayVehicle,
} from '../../tools/replay/index.js';
import type { LoadContext } from './box-load.js';
import type { Ledger, LedgerStream } from './ledger.js';
import { DEVICE_EVERY_MS } from './load-plan.js';

const CONNECT_MS = 10_000;
/** A device repeats a position until it is acknowledged; after this time without any acknowledgement it is given up. */
const PATIENCE_MS = 10_000;
const BATCH = 100;

/** Another run with the same seed must not give the boxes the same drives as the devices. */
const SEED_OFFSET = 7_919;

/** Devices with a token of their own: each logs in on `/devices` and reports once a second. */
export class DeviceLoad {
  /** From the start of the connection to the log-in. */
  readonly logIns = new LatencyHistogram();
  readonly devices: { readonly stream: LedgerStream; readonly vehicleId: string }[] = [];
  resends = 0;
  private readonly units: ReplayVehicle[] = [];

  constructor(
    private readonly api: ApiClient,
    private readonly ledger: Ledger,
  ) {}

  /** Creates the vehicles and their credentials. */
  async register(count: number, durationMs: number, seed: number, signal: AbortSignal): Promise<void> {
    if (count === 0) return;
    const drives = planSimulation({
      speed: 1,
      vehicles: count,
      rateHz: 1_000 / DEVICE_EVERY_MS,
      seed: seed + SEED_OFFSET,
      durationS: durationMs / 1_000,
    });
    await registerVehicles(this.api, drives, this.units, signal);
    for (const { callSign, vehicleId } of this.units)
      this.devices.push({ vehicleId, stream: this.ledger.stream('device position', callSign) });
  }

  /** Resolves when each device has sent all positions and has its answers, or has given up. */
  async run(context: LoadContext): Promise<void> {
    await Promise.all(this.units.map((unit, index) => this.runDevice(unit, index, context)));
  }

  /** Sets the vehicles out of service and revokes the credentials. @returns requests that failed */
  release(): Promise<number> {
    return releaseVehicles(this.api, this.units);
  }

  private async runDevice(unit: ReplayVehicle, index: number, context: LoadContext): Promise<void> {
    const stream = this.devices[index]?.stream;
    if (!stream) return;
    const { records, startedAtMs, signal } = context;
    const client = new DeviceClient(context.plan.socketUrl, unit.token, { maxBatch: BATCH });
    const beganAtMs = performance.now();
    await client.connect(CONNECT_MS).then(
      () => this.logIns.add(performance.now() - beganAtMs),
      // It goes on trying; its positions show whether it succeeds.
      () => undefined,
    );
    const settle = (
      { n, dueMs }: NumberedFix,
      outcome: 'acknowledged' | 'refused' | 'broken' | 'timeout',
      answer: string,
    ): void => {
      records.inFlight -= 1;
      stream.settle(n, outcome);
      const latencyMs = performance.now() - startedAtMs - dueMs;
      const dueAtMs = Date.now() - latencyMs;
      const { kind, source } = stream;
      records.add({ kind, source, n, dueMs: dueAtMs, sentMs: dueAtMs, outcome, answer, latencyMs });
    };
    await playDrive(numbered(unit, context, stream), {
      client,
      startedAtMs,
      window: 2 * BATCH,
      patienceMs: PATIENCE_MS,
      signal,
      onSent: () => {
        records.sent += 1;
        records.inFlight += 1;
      },
      onDelivery: (delivery, fix) => {
        const isStored = delivery.verdict !== 'rejected';
        settle(fix, isStored ? 'acknowledged' : 'refused', delivery.code ?? delivery.verdict);
      },
      onFailure: (code, fix) => {
        settle(fix, code === 'client/closed' ? 'timeout' : 'broken', code);
      },
    });
    this.resends += client.resends;
    // The last position of a drive that ended early was never sent.
    const last = stream.size - 1;
    if (last >= 0 && stream.outcome(last) === 'pending') stream.settle(last, 'skipped');
  }
}

type NumberedFix = PlannedFix & { readonly n: number };

function* numbered(
  { drive }: ReplayVehicle,
  { numbers }: LoadContext,
  stream: LedgerStream,
): Generator<NumberedFix> {
  for (const { dueMs, position } of drive.fixes(numbers.startMs)) {
    const n = stream.add();
    const speedMps = numbers.deviceSpeed(position.speedMps ?? 0, n);
    yield { dueMs, n, position: { ...position, speedMps } };
  }
}
