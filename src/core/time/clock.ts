import { Injectable } from '@nestjs/common';

/** The time of the service. Tests replace it. */
@Injectable()
export class Clock {
  /** Epoch milliseconds, UTC. */
  nowMs(): number {
    return Date.now();
  }
}
