/**
 * How an attempt to send a notification ended. `answered`: with any status of the panel's process. `closed`: without an
 * answer, because the process closed the connection or a proxy reports that (502). `unanswered`: not reached, or too slow.
 */
export type AttemptEnding = 'answered' | 'closed' | 'unanswered';

const MAX_CONCURRENT = 8;
/** Closed connections in a row, without an answer in between, after which sending stops. */
const MAX_CLOSURES_IN_A_ROW = 3;
const MIN_STOP_MS = 60_000;
const MAX_STOP_MS = 300_000;

/**
 * Decides how many notifications may be under way. The panel's process ends on an input that it cannot handle, and closes
 * all connections then. After a closed connection notifications are sent one at a time until one is answered, so that the
 * next closed connection has one cause. After three in a row none is sent for 1 minute, then a single one; each further
 * closed connection doubles the pause, up to 5 minutes. Times are milliseconds of one monotonic clock.
 */
export class PanelCircuitBreaker {
  private closuresInARow = 0;
  private closedAtMs = -Infinity;
  private stoppedUntilMs = -Infinity;
  private isAnswering = false;

  /** Whether the panel has answered the last attempt. false before the first one: it is not known. */
  get hasAnswered(): boolean {
    return this.isAnswering;
  }

  /** Sending is stopped, or it was and the panel has not answered since. */
  get isStopped(): boolean {
    return this.closuresInARow >= MAX_CLOSURES_IN_A_ROW;
  }

  /** Time without an attempt after the last closed connection, milliseconds. */
  get pauseMs(): number {
    if (!this.isStopped) return 0;
    return Math.min(MAX_STOP_MS, MIN_STOP_MS * 2 ** (this.closuresInARow - MAX_CLOSURES_IN_A_ROW));
  }

  /** Notifications that may be under way: 8, 1, or 0 while sending is stopped. */
  limit(nowMs: number): number {
    if (nowMs < this.stoppedUntilMs) return 0;
    return this.isAnswering ? MAX_CONCURRENT : 1;
  }

  /** @param beganMs when the attempt began: connections that are closed together count once */
  record(ending: AttemptEnding, beganMs: number, nowMs: number): void {
    if (ending === 'answered') {
      this.closuresInARow = 0;
      this.isAnswering = true;
    }
    if (ending !== 'closed' || beganMs < this.closedAtMs) return;
    this.closedAtMs = nowMs;
    this.isAnswering = false;
    this.closuresInARow += 1;
    this.stoppedUntilMs = nowMs + this.pauseMs;
  }
}
