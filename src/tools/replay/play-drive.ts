import type { Delivery, DeviceClient } from '../client/index.js';
import type { PlannedFix } from './plan.js';

interface DriveRun<Fix extends PlannedFix> {
  readonly client: DeviceClient;
  /** On the clock of `performance.now()`. */
  readonly startedAtMs: number;
  /** Maximum of fixes without an acknowledgement. */
  readonly window: number;
  /** The drive is given up after this time without an acknowledgement. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  readonly onSent: () => void;
  readonly onDelivery: (delivery: Delivery, fix: Fix) => void;
  readonly onFailure: (code: string, fix: Fix) => void;
}

/** Time for which an interrupted run waits for the acknowledgements in flight. */
const INTERRUPT_TIMEOUT_MS = 10_000;

/** The maximum of a Node.js timer, 24.8 days; longer waits use several timers. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Sends the fixes of one drive when they are due, at most `window` ahead of the acknowledgements. It ends, with the client
 * closed, when every fix is acknowledged, or the drive is given up, refused or interrupted.
 */
export async function playDrive<Fix extends PlannedFix>(
  fixes: Iterable<Fix>,
  run: DriveRun<Fix>,
): Promise<void> {
  const sendWindow = new SendWindow(run.signal);
  let isRefused = false;
  let isGivenUp = false;
  for (const fix of fixes) {
    await sendWindow.untilDue(() => run.startedAtMs + fix.dueMs - performance.now());
    while (sendWindow.open >= run.window && !isRefused && !sendWindow.isAborted && !isGivenUp)
      isGivenUp = !(await sendWindow.untilSettled(run.patienceMs));
    if (sendWindow.isAborted || isRefused || isGivenUp) break;
    run.onSent();
    sendWindow.open += 1;
    run.client
      .send(fix.position)
      .then(
        (delivery) => run.onDelivery(delivery, fix),
        (error: unknown) => {
          const { code } = error as { code?: unknown };
          run.onFailure(typeof code === 'string' ? code : 'client/unknown', fix);
          isRefused ||= typeof code === 'string' && code.startsWith('auth/');
        },
      )
      .finally(() => sendWindow.settled());
  }
  if (isGivenUp) await run.client.close(0);
  else
    await run.client.close(
      sendWindow.isAborted ? Math.min(INTERRUPT_TIMEOUT_MS, run.patienceMs) : run.patienceMs,
    );
  await sendWindow.untilEmpty();
}

/** Wakes a waiting drive when a fix is settled, when the time is over, or when the run is interrupted. */
class SendWindow {
  open = 0;
  private wake?: () => void;

  constructor(private readonly signal: AbortSignal) {}

  get isAborted(): boolean {
    return this.signal.aborted;
  }

  settled(): void {
    this.open -= 1;
    this.wake?.();
  }

  async untilDue(leftMs: () => number): Promise<void> {
    for (let left = leftMs(); left > 0 && !this.isAborted; left = leftMs())
      await this.pause(Math.min(left, LONGEST_TIMER_MS), false);
  }

  /** False when no fix was settled in time. */
  async untilSettled(timeoutMs: number): Promise<boolean> {
    return this.pause(timeoutMs, true);
  }

  /** Waits for the callbacks that run after `close` has settled. */
  async untilEmpty(): Promise<void> {
    while (this.open > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  /** True when woken by an interruption or, if requested, a settled fix; false when the time is over. */
  private pause(timeoutMs: number, wakesOnSettlement: boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (isWoken: boolean): void => {
        clearTimeout(timer);
        this.signal.removeEventListener('abort', onWake);
        this.wake = undefined;
        resolve(isWoken);
      };
      const onWake = (): void => done(true);
      const timer = setTimeout(() => done(false), timeoutMs);
      this.signal.addEventListener('abort', onWake);
      if (wakesOnSettlement) this.wake = onWake;
    });
  }
}
