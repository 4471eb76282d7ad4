import { simulateAmbulance } from '../../tools/replay/index.js';
import { type BoxAnswer, boxRequest, type BoxRequest, postAsBox } from '../../tools/boxes/index.js';
import type { BoxStreams } from './box-streams.js';
import type { LedgerStream, Outcome } from './ledger.js';
import type { LoadPlan } from './load-plan.js';
import { openLoop } from './open-loop.js';
import type { RunNumbers } from './run-numbers.js';
import type { RunRecords } from './run-records.js';

/** What all senders of a run share. */
export interface LoadContext {
  readonly plan: LoadPlan;
  readonly numbers: RunNumbers;
  readonly records: RunRecords;
  readonly seed: number;
  readonly maxInFlight: number;
  /** Start of the run on the clock of `performance.now()`. */
  readonly startedAtMs: number;
  readonly signal: AbortSignal;
}

/** Posts as one box until the end of the run. Resolves when every post has its end. */
export class BoxLoad {
  private readonly fixes: ReturnType<typeof simulateAmbulance>;
  private readonly open = new Set<Promise<void>>();

  /** @param index of the box among all boxes of the run */
  constructor(
    private readonly streams: BoxStreams,
    private readonly index: number,
    private readonly context: LoadContext,
  ) {
    const { plan, seed } = context;
    this.fixes = simulateAmbulance(seed, index, 1_000 / (plan.everyMs.position ?? 1_000));
  }

  async run(): Promise<void> {
    const { position, pictures, crash } = this.context.plan.everyMs;
    const fix = { ...this.fixes.next().value };
    await Promise.all([
      this.loop(position, 0, (n, dueMs) => {
        Object.assign(fix, this.fixes.next().value);
        const speedMps = this.context.numbers.speed(fix.speedMps ?? 0, n);
        const body = boxRequest.position(this.code, { ...fix, speedMps, headingDeg: fix.headingDeg ?? 0 });
        this.post([this.streams.positions], n, dueMs, body);
      }),
      this.loop(pictures, 0.3, (n, dueMs) => {
        const jpegs = this.streams.cameras.map((_, camera) => this.streams.jpeg(camera, n));
        this.post(this.streams.cameras, n, dueMs, boxRequest.pictures(this.code, n, jpegs));
      }),
      this.loop(crash, 0.6, (n, dueMs) => {
        const lat = this.context.numbers.latitude(fix.lat, n);
        const body = { ...fix, lat, speedMps: fix.speedMps ?? 0, headingDeg: fix.headingDeg ?? 0 };
        this.post([this.streams.crashes], n, dueMs, boxRequest.crash(this.code, body));
      }),
    ]);
    await Promise.all(this.open);
  }

  private get code(): string {
    return this.streams.code;
  }

  /** @param phase share of the interval, so that the kinds do not post at the same moment */
  private async loop(
    everyMs: number | null,
    phase: number,
    post: (n: number, dueMs: number) => void,
  ): Promise<void> {
    if (everyMs === null) return;
    const { startedAtMs, plan, signal } = this.context;
    // Boxes are spread over the interval.
    const firstDueMs = startedAtMs + everyMs * ((phase + this.index / plan.boxCodes.length) % 1);
    await openLoop({ firstDueMs, endMs: startedAtMs + plan.durationMs, everyMs, signal }, post);
  }

  private post(streams: readonly LedgerStream[], n: number, dueMs: number, request: BoxRequest): void {
    for (const stream of streams) stream.add();
    const { records } = this.context;
    const sending = this.send(streams, n, dueMs, request).finally(() => this.open.delete(sending));
    this.open.add(sending);
    records.maxLatenessMs = Math.max(records.maxLatenessMs, performance.now() - dueMs);
  }

  private async send(
    streams: readonly LedgerStream[],
    n: number,
    dueMs: number,
    request: BoxRequest,
  ): Promise<void> {
    const { records, maxInFlight, plan } = this.context;
    const sentMs = Date.now();
    const isSkipped = records.inFlight >= maxInFlight;
    if (!isSkipped) records.sent += 1;
    records.inFlight += isSkipped ? 0 : 1;
    const answer = isSkipped ? null : await postAsBox(plan.boxesUrl, request);
    records.inFlight -= isSkipped ? 0 : 1;
    const outcome = outcomeOf(answer);
    const latencyMs = performance.now() - dueMs;
    for (const stream of streams) stream.settle(n, outcome);
    const [{ kind, source }] = streams as [LedgerStream];
    records.add({
      kind,
      source,
      n,
      dueMs: Date.now() - latencyMs,
      sentMs,
      outcome,
      answer: textOf(answer),
      latencyMs,
    });
  }
}

/** The boxes' programs take status 200 alone as a success. */
function outcomeOf(answer: BoxAnswer | null): Outcome {
  if (answer === null) return 'skipped';
  if (answer.kind !== 'answered') return answer.kind;
  return answer.status === 200 ? 'acknowledged' : 'refused';
}

function textOf(answer: BoxAnswer | null): string {
  if (answer === null) return 'too many posts in flight';
  return answer.kind === 'answered' ? String(answer.status) : answer.reason;
}
