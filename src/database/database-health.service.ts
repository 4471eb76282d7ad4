import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, STATES } from 'mongoose';
import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL_MS = 2_000;
const TIMEOUT_MS = 1_000;
const FAILURES_TO_DOWN = 3;
const PASSES_TO_UP = 2;

/** A real ping on a timer of its own; a probe only reads the last result. Contract: down after 3, up after 2. */
@Injectable()
export class DatabaseHealth implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | null = null;
  private failures = 0;
  private passes = 0;
  private isDown = false;

  constructor(@InjectConnection() private readonly connection: Connection) {}

  get isUp(): boolean {
    return !this.isDown;
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.check(), INTERVAL_MS);
    this.timer.unref();
  }

  onApplicationShutdown(): void {
    if (this.timer) clearInterval(this.timer);
  }

  private async check(): Promise<void> {
    if (await this.ping()) {
      this.failures = 0;
      this.passes += 1;
      if (this.passes >= PASSES_TO_UP) this.isDown = false;
    } else {
      this.passes = 0;
      this.failures += 1;
      if (this.failures >= FAILURES_TO_DOWN) this.isDown = true;
    }
  }

  private async ping(): Promise<boolean> {
    // Before the first connection there is nothing to ping; mongoose would throw, not wait.
    if (this.connection.readyState !== STATES.connected || !this.connection.db) return false;
    const answer = this.connection.db.command({ ping: 1 }).then(
      () => true,
      () => false,
    );
    return Promise.race([answer, sleep(TIMEOUT_MS, false, { ref: false })]);
  }
}
