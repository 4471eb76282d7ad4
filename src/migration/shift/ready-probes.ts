import type { GreenReady } from './green-client.js';

/** Counts the answers of `/ready` in a row with state `ready`, no reason and the same process of the same release. */
export class ReadyProbes {
  inARow = 0;
  private process = '';

  /** @param ready null: no answer */
  add(ready: GreenReady | null): void {
    const { version = '', revision = '', startedAt = '' } = ready?.release ?? {};
    const process = `${version} ${revision} ${startedAt}`;
    const isReady = ready?.state === 'ready' && ready.reasons.length === 0;
    this.inARow = !isReady ? 0 : process === this.process ? this.inARow + 1 : 1;
    this.process = process;
  }
}
