import { Inject, Injectable, Logger } from '@nestjs/common';
import { Clock } from '../core/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { InstanceLifecycle } from './instance-lifecycle.js';

/** A part of the service that serves clients and can release them: the HTTP server, the sockets. */
export interface Drainable {
  readonly name: 'http' | 'sockets';
  /** Requests in flight, or open sockets. */
  readonly open: number;
  /** Closes all clients and refuses new ones. Resolves when all are closed and everything they sent is answered. */
  drain(): Promise<void>;
  /**
   * Closes the clients of this moment one by one within the time; new clients are accepted. Not implemented by a
   * drainable that reads `DrainService.handover` itself.
   */
  beginHandover?(withinMs: number): Promise<void>;
  /** Stops the handover: closes no further client. */
  endHandover?(): void;
}

export interface Drain {
  readonly since: Date;
  /** After this time the drain is overdue, and the process counts as broken. */
  readonly deadline: Date;
  readonly isDone: boolean;
}

export interface Handover {
  readonly since: Date;
  readonly withinS: number;
  readonly isDone: boolean;
}

/** Releases the clients of this instance. A handover can be undone and leaves the instance ready; a drain is final. */
@Injectable()
export class DrainService {
  private readonly logger = new Logger(DrainService.name);
  private readonly drainables: Drainable[] = [];
  private currentDrain: Drain | null = null;
  private drained: Promise<void> | null = null;
  private currentHandover: Handover | null = null;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly lifecycle: InstanceLifecycle,
  ) {}

  get drain(): Drain | null {
    return this.currentDrain;
  }

  get handover(): Handover | null {
    return this.currentHandover;
  }

  /** The drain has not finished by its deadline. */
  get isOverdue(): boolean {
    const { currentDrain } = this;
    return (
      currentDrain !== null && !currentDrain.isDone && this.clock.nowMs() > currentDrain.deadline.getTime()
    );
  }

  register(drainable: Drainable): void {
    this.drainables.push(drainable);
  }

  openCount(name: Drainable['name']): number {
    return this.drainables
      .filter((drainable) => drainable.name === name)
      .reduce((sum, { open }) => sum + open, 0);
  }

  /** Starts the drain, which is final. Every call returns the same promise; it resolves when all clients are closed. */
  beginDrain(): Promise<void> {
    return (this.drained ??= this.drainAll());
  }

  /** @returns false when a drain has begun: the handover does not start */
  beginHandover(withinS: number): boolean {
    if (this.currentDrain) return false;
    this.undoHandover();
    const handover: Handover = { since: this.now(), withinS, isDone: false };
    this.currentHandover = handover;
    this.logger.log({ withinS, sockets: this.openCount('sockets') }, 'handover started');
    const moves = this.drainables.map(
      (drainable) => drainable.beginHandover?.(withinS * 1_000) ?? Promise.resolve(),
    );
    void Promise.all(moves).then(() => {
      if (this.currentHandover !== handover) return;
      this.currentHandover = { ...handover, isDone: true };
      this.logger.log('handover finished');
    });
    return true;
  }

  undoHandover(): void {
    if (!this.currentHandover) return;
    this.currentHandover = null;
    for (const drainable of this.drainables) drainable.endHandover?.();
    this.logger.log('handover undone');
  }

  private async drainAll(): Promise<void> {
    const since = this.now();
    const deadline = new Date(since.getTime() + this.settings.drainTimeoutS * 1_000);
    this.currentDrain = { since, deadline, isDone: false };
    const [sockets, http] = [this.openCount('sockets'), this.openCount('http')];
    this.logger.log({ deadline, sockets, http }, 'drain started');
    // First: from here on `/ready` answers 503 and handshakes are refused, so a closed client does not reconnect here.
    this.lifecycle.startDraining();
    for (const drainable of this.drainables) drainable.endHandover?.();
    await Promise.all(this.drainables.map((drainable) => drainable.drain()));
    this.currentDrain = { since, deadline, isDone: true };
    this.logger.log('drain finished');
  }

  private now(): Date {
    return new Date(this.clock.nowMs());
  }
}
