import { Inject, Injectable, Logger } from '@nestjs/common';
import { Clock } from '../core/index.js';
import { SETTINGS, type Settings } from '../config/index.js';

/** Somebody who holds clients: the sockets, the HTTP server. */
export interface Drainable {
  readonly name: 'http' | 'sockets';
  /** Sockets, or calls under way. */
  readonly open: number;
  /** Lets go of all of them and takes no new ones. Resolves when none is left and all they sent is answered. */
  drain(): Promise<void>;
  /**
   * Lets go of those who are here now, one after the other within that time; new ones may come. Not needed by whoever asks
   * for the handover himself.
   */
  beginHandover?(withinMs: number): Promise<void>;
  /** Lets go of nobody more. */
  endHandover?(): void;
}

export interface Drain {
  readonly since: Date;
  /** Whatever is still open then is a fault. */
  readonly deadline: Date;
  readonly isDone: boolean;
}

export interface Handover {
  readonly since: Date;
  readonly withinS: number;
  readonly isDone: boolean;
}

/**
 * How this instance lets go of its clients. A handover can be undone and leaves it ready; a drain ends with the
 * process.
 */
@Injectable()
export class DrainService {
  private readonly logger = new Logger(DrainService.name);
  private readonly drainables: Drainable[] = [];
  private readonly listeners: (() => void)[] = [];
  private draining: Drain | null = null;
  private drained: Promise<void> | null = null;
  private handingOver: Handover | null = null;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly clock: Clock,
  ) {}

  get drain(): Drain | null {
    return this.draining;
  }

  get handover(): Handover | null {
    return this.handingOver;
  }

  /** The drain did not come to its end in time: nobody should wait for it any more. */
  get isOverdue(): boolean {
    const { draining } = this;
    return draining !== null && !draining.isDone && this.clock.nowMs() > draining.deadline.getTime();
  }

  register(drainable: Drainable): void {
    this.drainables.push(drainable);
  }

  /** Called whenever something of this changes. */
  subscribe(listener: () => void): void {
    this.listeners.push(listener);
  }

  openCount(name: Drainable['name']): number {
    return this.drainables
      .filter((drainable) => drainable.name === name)
      .reduce((sum, { open }) => sum + open, 0);
  }

  /** No way back. Resolves when nobody is left; the same however often it is called. */
  beginDrain(): Promise<void> {
    return (this.drained ??= this.drainAll());
  }

  /** @returns false when it drains already: there is nothing to hand over any more */
  beginHandover(withinS: number): boolean {
    if (this.draining) return false;
    this.undoHandover();
    const handover: Handover = { since: this.now(), withinS, isDone: false };
    this.handingOver = handover;
    this.logger.log({ withinS, sockets: this.openCount('sockets') }, 'handing over');
    const moves = this.drainables.map(
      (drainable) => drainable.beginHandover?.(withinS * 1_000) ?? Promise.resolve(),
    );
    void Promise.all(moves).then(() => {
      if (this.handingOver !== handover) return;
      this.handingOver = { ...handover, isDone: true };
      this.logger.log('handed over');
    });
    return true;
  }

  undoHandover(): void {
    if (!this.handingOver) return;
    this.handingOver = null;
    for (const drainable of this.drainables) drainable.endHandover?.();
    this.logger.log('the handover is undone');
  }

  private async drainAll(): Promise<void> {
    const since = this.now();
    const deadline = new Date(since.getTime() + this.settings.drainTimeoutS * 1_000);
    this.draining = { since, deadline, isDone: false };
    this.logger.log(
      { deadline, sockets: this.openCount('sockets'), http: this.openCount('http') },
      'draining',
    );
    this.notify();
    for (const drainable of this.drainables) drainable.endHandover?.();
    await Promise.all(this.drainables.map((drainable) => drainable.drain()));
    this.draining = { since, deadline, isDone: true };
    this.logger.log('drained');
    this.notify();
  }

  private notify(): void {
    for (const listener of this.listeners) listener();
  }

  private now(): Date {
    return new Date(this.clock.nowMs());
  }
}
