import { Injectable } from '@nestjs/common';

/** The only place that asks what time it is, so that a test can decide it. */
@Injectable()
export class Clock {
  /** Epoch milliseconds, UTC. */
  nowMs(): number {
    return Date.now();
  }
}
