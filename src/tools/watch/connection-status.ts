import type { ConnectionState } from '../client/index.js';

/** How long the status line mentions the last cut. */
const RECOVERY_NOTICE_MS = 10_000;

/** The state of the connection as text for the status line. */
export class ConnectionStatus {
  private state: ConnectionState = 'reconnecting';
  private hasBegun = false;
  private reconnectedAtMs?: number;
  /** Newest `receivedAt` of the snapshot: items that are not newer were missed. */
  private knownUpToMs = -Infinity;
  private missedCount = 0;
  private reconnectCount = 0;
  private resyncReason?: string;
  private gapCount = 0;

  constructor(private readonly nowMs: () => number = Date.now) {}

  onConnectionState(state: ConnectionState): void {
    if (state === 'connected' && this.hasBegun) this.reconnectCount += 1;
    this.state = state;
  }

  /** @param receivedAt the arrival times of its positions */
  onSnapshot(receivedAt: readonly string[]): void {
    if (this.hasBegun) {
      this.reconnectedAtMs = this.nowMs();
      this.missedCount = 0;
      this.knownUpToMs = receivedAt.reduce((newest, text) => Math.max(newest, Date.parse(text)), -Infinity);
    }
    this.hasBegun = true;
  }

  onItem(receivedAt: string): void {
    if (this.reconnectedAtMs !== undefined && Date.parse(receivedAt) <= this.knownUpToMs)
      this.missedCount += 1;
  }

  onResync(reason: string): void {
    this.resyncReason = reason;
    this.gapCount += 1;
  }

  get reconnects(): number {
    return this.reconnectCount;
  }

  get resyncs(): number {
    return this.gapCount;
  }

  get text(): string {
    if (this.state === 'reconnecting') return this.hasBegun ? 'reconnecting…' : 'connecting…';
    if (this.state === 'draining') return 'the service hands over: reconnecting soon';
    if (this.reconnectedAtMs === undefined || this.nowMs() - this.reconnectedAtMs > RECOVERY_NOTICE_MS) {
      this.resyncReason = undefined;
      return 'connected';
    }
    const why =
      this.resyncReason === undefined ? '' : ` (the service asked to begin anew: ${this.resyncReason})`;
    return `connected, caught up after ${this.missedCount} missed${why}`;
  }
}
