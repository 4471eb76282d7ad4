import type { CrewEventSettings } from '../../config/index.js';
import { Clock } from '../../common/index.js';
import type { HeldLease } from '../../database/index.js';
import type { StoredPosition } from '../../tracking/index.js';
import type { CrewEventsRepository } from './crew-events.repository.js';
import { type CrewMemory, type CrewRules, type CrewStep, hear, shownAtMs, silence } from './crew-rules.js';
import type { CrewSurroundings } from './crew-surroundings.js';
import type { CrewState, CrewStatesRepository } from './crew-states.repository.js';
import type { PendingEvent } from './pending-event.js';

/** Memory that nothing was noticed with; a new owner reads so much and more from the positions again. */
const SAVE_EVERY_MS = 5_000;

export interface CrewWatchParts {
  readonly states: CrewStatesRepository;
  readonly events: CrewEventsRepository;
  readonly surroundings: CrewSurroundings;
  readonly clock: Clock;
  readonly settings: CrewEventSettings;
  readonly onEvent: (event: PendingEvent) => void;
}

/**
 * What one owner knows of all vehicles, for as long as it is the owner. Memory and what is noticed with it are one write
 * on the vehicle's document, under the owner's epoch; only then is it recorded. So whoever takes over, after whatever
 * end, finds either both or neither, and records what was noticed and not recorded yet.
 */
export class CrewWatch {
  private readonly memories = new Map<string, CrewMemory>();
  private readonly unsaved = new Set<string>();
  private savedAtMs = -Infinity;
  private readonly rules: CrewRules;

  constructor(
    private readonly held: HeldLease,
    private readonly parts: CrewWatchParts,
  ) {
    const { offlineAfterS, ...settings } = parts.settings;
    const listeningSinceMs = held.unbrokenSince.getTime();
    this.rules = { ...settings, offlineAfterMs: offlineAfterS * 1_000, listeningSinceMs };
  }

  /** Before anything else. */
  async begin(): Promise<void> {
    const { states, surroundings } = this.parts;
    const found = await states.takeOver(this.held.lease.epoch);
    for (const { vehicleId, memory } of found) this.memories.set(vehicleId, memory);
    await this.record(found.flatMap(({ pending }) => pending));
    await surroundings.refresh(this.memories.keys());
  }

  /** Stored positions, new or not, in any order. */
  async look(positions: readonly StoredPosition[]): Promise<void> {
    const fresh = positions.filter((position) => this.isNews(position));
    if (fresh.length === 0) return;
    await this.parts.surroundings.refresh(new Set(fresh.map(({ vehicleId }) => vehicleId)));
    const noticed = new Map<string, CrewStep>();
    for (const position of fresh.sort((one, other) => shownAtMs(one) - shownAtMs(other))) {
      const { vehicleId } = position;
      const before = noticed.get(vehicleId);
      const memory = before?.memory ?? this.memories.get(vehicleId) ?? null;
      const step = hear(memory, position, this.rules, this.parts.surroundings.requestOf(vehicleId, position));
      noticed.set(vehicleId, { ...step, events: [...(before?.events ?? []), ...step.events] });
    }
    await this.keep(noticed);
  }

  /** Everything that was stored before is known: who has been silent for too long? */
  async lookForSilence(nowMs: number): Promise<void> {
    const quiet = [...this.memories].filter(
      ([, { isOnline, heardMs }]) => isOnline && nowMs - heardMs >= this.rules.offlineAfterMs,
    );
    if (quiet.length === 0) return;
    await this.parts.surroundings.refresh(quiet.map(([vehicleId]) => vehicleId));
    const noticed = new Map<string, CrewStep>();
    for (const [vehicleId, memory] of quiet) {
      const request = this.parts.surroundings.requestOf(vehicleId, memory);
      const step = silence(vehicleId, memory, nowMs, this.rules, request);
      if (step) noticed.set(vehicleId, step);
    }
    await this.keep(noticed);
  }

  /** What nothing was noticed with, every so often; all of it when it `isLast`, or a cursor is about to pass it. */
  async save(isLast: boolean): Promise<void> {
    const nowMs = this.parts.clock.nowMs();
    if (!isLast && nowMs - this.savedAtMs < SAVE_EVERY_MS) return;
    this.savedAtMs = nowMs;
    await this.write(
      [...this.unsaved].flatMap((vehicleId) => stateOf(vehicleId, this.memories.get(vehicleId))),
    );
  }

  private isNews(position: StoredPosition): boolean {
    const memory = this.memories.get(position.vehicleId);
    return !memory || position.receivedAtMs > memory.heardMs || shownAtMs(position) > memory.shownMs;
  }

  private async keep(noticed: ReadonlyMap<string, CrewStep>): Promise<void> {
    const speaking = [...noticed].filter(([, { events }]) => events.length > 0);
    const ids = await this.parts.surroundings.ambulanceIds(speaking.map(([vehicleId]) => vehicleId));
    const states = speaking.map(([vehicleId, { memory, events }]): CrewState => {
      const ambulanceId = ids.get(vehicleId) ?? vehicleId;
      return { vehicleId, memory, pending: events.map((event) => ({ ...event, ambulanceId })) };
    });
    await this.write(states);
    for (const [vehicleId, { memory }] of noticed) {
      this.memories.set(vehicleId, memory);
      this.unsaved.add(vehicleId);
    }
    await this.record(states.flatMap(({ pending }) => pending));
  }

  private async write(states: readonly CrewState[]): Promise<void> {
    if (states.length === 0) return;
    this.held.lease.assertHeld();
    await this.parts.states.save(states, this.held.lease.epoch);
    for (const { vehicleId } of states) this.unsaved.delete(vehicleId);
  }

  private async record(pending: readonly PendingEvent[]): Promise<void> {
    const { url, giveUpAfterS } = this.parts.settings.panel;
    const recorded = await this.parts.events.record(pending, url === null ? null : giveUpAfterS * 1_000);
    for (const event of recorded) this.parts.onEvent(event);
  }
}

function stateOf(vehicleId: string, memory: CrewMemory | undefined): CrewState[] {
  return memory ? [{ vehicleId, memory, pending: [] }] : [];
}
