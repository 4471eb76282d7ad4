import type { StoredPosition } from './stored-position.js';

/** A position that is durable. */
export interface RecordedPosition {
  readonly position: StoredPosition;
  /** Older than the newest known position of its vehicle. */
  readonly late: boolean;
}

declare module '../core/events/event-bus.js' {
  interface EventMap {
    /** In the order of recording, never empty. The live markers are updated before it is published. */
    'position.recorded': readonly RecordedPosition[];
  }
}
