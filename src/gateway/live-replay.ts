import { Inject, Injectable, Logger } from '@nestjs/common';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { CrashesService, toCrashView } from '../crashes/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { PositionLog, toPositionView } from '../tracking/index.js';
import { VehiclesService } from '../vehicles/index.js';
import { makeCursor } from './live-cursor.js';
import type { LiveStream } from './live-stream.js';
import { MissedCrewEvents } from './missed-crew-events.js';

/** Contract: for clocks that differ and writes in flight. */
const OVERLAP_MS = 5_000;
const PAGE = 1_000;
/** Contract: at most 4 frames a second. */
const BETWEEN_FRAMES_MS = 260;
/** Many watchers come back at one moment: the others wait, and what is new waits with them. */
const AT_ONCE = 4;

/** Shows a watcher that comes back what it has missed. */
@Injectable()
export class LiveReplay {
  private readonly logger = new Logger(LiveReplay.name);
  private readonly waiting: (() => void)[] = [];
  private running = 0;

  constructor(
    private readonly log: PositionLog,
    private readonly vehicles: VehiclesService,
    private readonly crashes: CrashesService,
    private readonly crewEvents: MissedCrewEvents,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** Resolves when the stream is live or over; never rejects. */
  async run(stream: LiveStream, sinceMs: number): Promise<void> {
    if (this.running >= AT_ONCE) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running += 1;
    try {
      await this.catchUp(stream, sinceMs - OVERLAP_MS);
    } catch (error) {
      this.logger.warn({ err: error }, 'a replay ended early');
      stream.end('storage');
    } finally {
      this.running -= 1;
      this.waiting.shift()?.();
    }
  }

  private async catchUp(stream: LiveStream, fromMs: number): Promise<void> {
    await this.tellOfVehicles(stream, fromMs);
    await this.tellOfCrashes(stream, fromMs);
    await this.tellOfCrewEvents(stream, fromMs);
    // It may have had a frame of the stream before this one just now.
    await sleep(BETWEEN_FRAMES_MS);
    let count = 0;
    for await (const page of this.log.since(fromMs, PAGE)) {
      count += page.length;
      if (count > this.settings.live.replayLimit) stream.end('replay_limit');
      if (stream.isOver) return;
      const items = page.map(({ position, late }) => ({
        vehicleId: position.vehicleId,
        position: toPositionView(position),
        late,
      }));
      stream.replay(items, makeCursor(page.at(-1)?.recordedAt.getTime() ?? fromMs));
      await sleep(BETWEEN_FRAMES_MS);
    }
    stream.goLive();
  }

  private async tellOfVehicles(stream: LiveStream, fromMs: number): Promise<void> {
    for (const change of await this.vehicles.changedSince(new Date(fromMs))) {
      stream.tell(change, makeCursor(fromMs));
      // One in each turn: a burst would look like a connection that does not take what it is sent.
      await nextTurn();
    }
  }

  private async tellOfCrashes(stream: LiveStream, fromMs: number): Promise<void> {
    for (const crash of await this.crashes.since(new Date(fromMs))) {
      stream.alarm(toCrashView(crash), makeCursor(fromMs));
      await nextTurn();
    }
  }

  private async tellOfCrewEvents(stream: LiveStream, fromMs: number): Promise<void> {
    for (const event of await this.crewEvents.since(new Date(fromMs))) {
      stream.tellCrew(event, makeCursor(fromMs));
      await nextTurn();
    }
  }
}
