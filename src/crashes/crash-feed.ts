import { Injectable } from '@nestjs/common';
import type { Crash } from './crash.js';

export type CrashListener = (crash: Crash) => void;

/** `crash.recorded`: durable already, to whoever wants to show it. */
@Injectable()
export class CrashFeed {
  private readonly listeners = new Set<CrashListener>();

  /** @returns how to stop listening */
  subscribe(listener: CrashListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  publish(crash: Crash): void {
    for (const listener of this.listeners) listener(crash);
  }
}
