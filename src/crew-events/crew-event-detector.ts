import type { CrewEventSettings } from '../config/index.js';
import { Clock, markerTimeMs, type Position } from '../core/index.js';
import type { AcquiredLock } from '../database/index.js';
import type { CrewEventsRepository } from './crew-events.repository.js';
import {
  type CrewVehicleState,
  type CrewEventRules,
  type CrewRuleResult,
  applyPosition,
  detectSilence,
} from './crew-event-rules.js';
import type { DispatchSystem } from './dispatch-system.js';
import type { CrewState, CrewStatesRepository } from './crew-states.repository.js';
import type { PendingCrewEvent } from './pending-crew-event.js';

/** Memory that nothing was noticed with; a new owner reads so much and more from the positions again. */
const SAVE_EVERY_MS = 5_000;

export interface CrewEventDetectorDependencies {
  readonly states: CrewStatesRepository;
  readonly events: CrewEventsRepository;
  readonly dispatchSystem: DispatchSystem;
  readonly clock: Clock;
  readonly settings: CrewEventSettings;
  readonly onEvent: (event: PendingCrewEvent) => void;
}

/**
 * What one owner knows of all vehicles, for as long as it is the owner. Memory and what is noticed with it are one write
 * on the vehicle's document, under the owner's epoch; only then is it recorded. So whoever takes over, after whatever
 * end, finds either both or neither, and records what was noticed and not recorded yet.
 */
export class CrewEventDetector {
  private readonly memories = new Map<string, CrewVehicleState>();
  private readonly unsaved = new Set<string>();
  private savedAtMs = -Infinity;
  private readonly rules: CrewEventRules;

  constructor(
    private readonly held: AcquiredLock,
    private readonly parts: CrewEventDetectorDependencies,
  ) {
    const { offlineAfterS, ...settings } = parts.settings;
    const listeningSinceMs = held.unbrokenSince.getTime();
    this.rules = { ...settings, offlineAfterMs: offlineAfterS * 1_000, listeningSinceMs };
  }

  /** Before anything else. */
  async begin(): Promise<void> {
    const { states, dispatchSystem } = this.parts;
    const found = await states.takeOver(this.held.lease.epoch);
    for (const { vehicleId, memory } of found) this.memories.set(vehicleId, memory);
    await this.record(found.flatMap(({ pending }) => pending));
    await dispatchSystem.refresh(this.memories.keys());
  }

  /** Stored positions, new or not, in any order. */
  async detect(positions: readonly Position[]): Promise<void> {
    const fresh = positions.filter((position) => this.isNewPosition(position));
    if (fresh.length === 0) return;
    await this.parts.dispatchSystem.refresh(new Set(fresh.map(({ vehicleId }) => vehicleId)));
    const noticed = new Map<string, CrewRuleResult>();
    for (const position of fresh.sort((one, other) => markerTimeMs(one) - markerTimeMs(other))) {
      const { vehicleId } = position;
      const before = noticed.get(vehicleId);
      const memory = before?.memory ?? this.memories.get(vehicleId) ?? null;
      const step = applyPosition(
        memory,
        position,
        this.rules,
        this.parts.dispatchSystem.requestOf(vehicleId, position),
      );
      noticed.set(vehicleId, { ...step, events: [...(before?.events ?? []), ...step.events] });
    }
    await this.persist(noticed);
  }

  /** Everything that was stored before is known: who has been silent for too long? */
  async detectOffline(nowMs: number): Promise<void> {
    const quiet = [...this.memories].filter(
      ([, { isOnline, heardMs }]) => isOnline && nowMs - heardMs >= this.rules.offlineAfterMs,
    );
    if (quiet.length === 0) return;
    await this.parts.dispatchSystem.refresh(quiet.map(([vehicleId]) => vehicleId));
    const noticed = new Map<string, CrewRuleResult>();
    for (const [vehicleId, memory] of quiet) {
      const request = this.parts.dispatchSystem.requestOf(vehicleId, memory);
      const step = detectSilence(vehicleId, memory, nowMs, this.rules, request);
      if (step) noticed.set(vehicleId, step);
    }
    await this.persist(noticed);
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

  private isNewPosition(position: Position): boolean {
    const memory = this.memories.get(position.vehicleId);
    return !memory || position.receivedAtMs > memory.heardMs || markerTimeMs(position) > memory.shownMs;
  }

  private async persist(noticed: ReadonlyMap<string, CrewRuleResult>): Promise<void> {
    const speaking = [...noticed].filter(([, { events }]) => events.length > 0);
    const ids = await this.parts.dispatchSystem.ambulanceIds(speaking.map(([vehicleId]) => vehicleId));
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

  private async record(pending: readonly PendingCrewEvent[]): Promise<void> {
    const { url, giveUpAfterS } = this.parts.settings.panel;
    const recorded = await this.parts.events.record(pending, url === null ? null : giveUpAfterS * 1_000);
    for (const event of recorded) this.parts.onEvent(event);
  }
}

function stateOf(vehicleId: string, memory: CrewVehicleState | undefined): CrewState[] {
  return memory ? [{ vehicleId, memory, pending: [] }] : [];
}
