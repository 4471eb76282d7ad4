import { Injectable } from '@nestjs/common';
import type { StoredPosition } from './stored-position.js';

export interface RecordedPosition {
  readonly position: StoredPosition;
  readonly late: boolean;
}

export type PositionListener = (recorded: readonly RecordedPosition[]) => void;

/** `position.recorded`: what became durable, to whoever wants to show it. Called in the order of recording. */
@Injectable()
export class PositionFeed {
  private readonly listeners = new Set<PositionListener>();

  /** @returns how to stop listening */
  subscribe(listener: PositionListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  publish(recorded: readonly RecordedPosition[]): void {
    if (recorded.length === 0) return;
    for (const listener of this.listeners) listener(recorded);
  }
}
