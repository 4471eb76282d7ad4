import { Inject, Injectable, Logger } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/index.js';
import { Clock, type HeldLock, markerTimeMs } from '../core/index.js';
import { LatestPositions } from '../tracking/index.js';
import { CrewEventMetrics } from './crew-event-metrics.js';
import { CrewEventsRepository } from './crew-events.repository.js';
import { CrewEventsService } from './crew-events.service.js';
import {
  type CrewEvent,
  type CrewEventAudience,
  type CrewPosition,
  type CrewVehicleState,
  type CrewEventRules,
  type CrewRuleResult,
  applyPosition,
  detectSilence,
  type PendingCrewEvent,
} from './crew-event-rules.js';
import { CrewStatesRepository, type CrewState } from './crew-states.repository.js';
import { DispatchSystem } from './dispatch-system.js';
import { applyPanelRules, silenceNotifications, type StoredTracking } from './panel-notification-rules.js';

/** Interval for saving states without an event. A new leader reads more than this many positions again. */
const SAVE_EVERY_MS = 5_000;
/** While the old server writes the documents. */
const STORED_READ_EVERY_MS = 5_000;
/** Vehicles that became silent, in one write. */
const SILENT_PAGE_SIZE = 250;

/** What both sets of rules make of one or more positions of a vehicle. */
interface DetectionResult extends CrewRuleResult {
  /** By the old server's rules. */
  readonly notifications: readonly (CrewEvent & Pick<PendingCrewEvent, 'isShadow'>)[];
}

/**
 * The leader's state of all vehicles. A vehicle's state and its new events are one write to one document, under the
 * leader's epoch; the events are recorded in `crew_events` after it. The next leader therefore finds both or neither
 * after any kind of end, and records the events that are not recorded yet.
 */
@Injectable()
export class CrewEventDetector {
  private readonly logger = new Logger(CrewEventDetector.name);
  private readonly states = new Map<string, CrewVehicleState>();
  private readonly unsaved = new Set<string>();
  /** By ambulance id, from before this leader's first position, or from before the old server's end. */
  private storedTrackings: ReadonlyMap<string, StoredTracking> = new Map();
  private storedReadAtMs = -Infinity;
  private savedAtMs = -Infinity;
  /** Vehicle id → start of the last mark of its clock that is recorded. */
  private readonly recordedClocks = new Map<string, number>();
  private lock!: HeldLock;
  private rules!: CrewEventRules;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly statesRepository: CrewStatesRepository,
    private readonly events: CrewEventsRepository,
    private readonly published: CrewEventsService,
    private readonly dispatchSystem: DispatchSystem,
    private readonly latest: LatestPositions,
    private readonly metrics: CrewEventMetrics,
    private readonly clock: Clock,
  ) {}

  /** Replaces the state in memory by the stored one. Every other method needs it first. */
  async takeOver(lock: HeldLock): Promise<void> {
    const { offlineAfterS, notifyMaxAgeS, panel, ...settings } = this.settings.crewEvents;
    this.lock = lock;
    this.rules = {
      ...settings,
      offlineAfterMs: offlineAfterS * 1_000,
      notifyMaxAgeMs: notifyMaxAgeS * 1_000,
      panelNearStatuses: panel.nearArrivalStatuses,
      listeningSinceMs: lock.heldSince.getTime(),
    };
    this.savedAtMs = -Infinity;
    this.unsaved.clear();
    this.states.clear();
    const found = await this.statesRepository.takeOver(lock.epoch);
    for (const { vehicleId, memory } of found) this.states.set(vehicleId, memory);
    await this.record(found.flatMap(({ pending }) => pending));
    await this.readStored(this.clock.nowMs());
    await this.dispatchSystem.refresh(this.states.keys());
  }

  /** Applies the rules to positions that are stored. They may be known already and may have any order. */
  async detect(positions: readonly CrewPosition[]): Promise<void> {
    const fresh = positions.filter((position) => this.isNewPosition(position));
    if (fresh.length === 0) return;
    await this.dispatchSystem.refresh(new Set(fresh.map(({ vehicleId }) => vehicleId)));
    const shadows = await this.dispatchSystem.shadowsOf(fresh);
    const stored = await this.storedOf(fresh, shadows);
    const results = new Map<string, DetectionResult>();
    for (const position of fresh.sort((one, other) => markerTimeMs(one) - markerTimeMs(other))) {
      const { vehicleId } = position;
      const earlier = results.get(vehicleId);
      const before = earlier?.memory ?? this.states.get(vehicleId) ?? null;
      const request = this.dispatchSystem.requestOf(vehicleId, position);
      const { memory, events } = applyPosition(before, position, this.rules, request);
      const isShadow = shadows.has(position);
      const context = { before, stored: stored.get(vehicleId) ?? null, isShadow, request, rules: this.rules };
      const { panel, notifications } = applyPanelRules(position, context);
      const found = marked([...silenceNotifications(events), ...notifications], isShadow);
      results.set(vehicleId, {
        memory: { ...memory, panel },
        events: [...(earlier?.events ?? []), ...events],
        notifications: [...(earlier?.notifications ?? []), ...found],
      });
    }
    await this.persist(results);
  }

  /** Finds vehicles that have become silent. Every position received before `nowMs` must have been detected. */
  async detectOffline(nowMs: number): Promise<void> {
    const silent = [...this.states].filter(
      ([, { isOnline, heardMs }]) => isOnline && nowMs - heardMs >= this.rules.offlineAfterMs,
    );
    // In pages, as positions are: a fleet that becomes silent at once must not hold up devices.
    for (let start = 0; start < silent.length; start += SILENT_PAGE_SIZE)
      await this.persistSilence(silent.slice(start, start + SILENT_PAGE_SIZE), nowMs);
  }

  /** Records one event for each mark of a device clock, also when an earlier leader has recorded it already. */
  async detectClocksBehind(): Promise<void> {
    const unrecorded = [...this.latest.clocksBehind].filter(
      ([vehicleId, sinceMs]) => this.recordedClocks.get(vehicleId) !== sinceMs,
    );
    if (unrecorded.length === 0) return;
    const vehicleIds = unrecorded.map(([vehicleId]) => vehicleId);
    await this.dispatchSystem.refresh(vehicleIds);
    const ambulanceIds = await this.dispatchSystem.ambulanceIds(vehicleIds);
    const pending = unrecorded.flatMap(([vehicleId, sinceMs]): PendingCrewEvent[] => {
      const state = this.states.get(vehicleId);
      const place = state ?? this.latest.of(vehicleId);
      if (!place) return [];
      const { lat, lon } = place;
      return [
        {
          audience: 'watchers',
          id: `${vehicleId}.clock_behind.${sinceMs}`,
          vehicleId,
          type: 'clock_behind',
          at: new Date(sinceMs + this.settings.positions.clockBehindS * 1_000),
          lat,
          lon,
          averageKmh: state?.averageKmh ?? null,
          requestId: this.dispatchSystem.requestOf(vehicleId, place)?.requestId ?? null,
          minutesLeft: null,
          ambulanceId: ambulanceIds.get(vehicleId) ?? vehicleId,
        },
      ];
    });
    await this.record(pending);
    for (const [vehicleId, sinceMs] of unrecorded) this.recordedClocks.set(vehicleId, sinceMs);
  }

  /**
   * Saves the states that changed without an event, at most once in 5 s.
   * @param isForced saves them now: before the end, and before a cursor passes their positions
   */
  async save(isForced: boolean): Promise<void> {
    const nowMs = this.clock.nowMs();
    if (!isForced && nowMs - this.savedAtMs < SAVE_EVERY_MS) return;
    this.savedAtMs = nowMs;
    await this.write(
      [...this.unsaved].flatMap((vehicleId): CrewState[] => {
        const memory = this.states.get(vehicleId);
        return memory ? [{ vehicleId, memory, pending: [] }] : [];
      }),
    );
  }

  private async persistSilence(
    silent: readonly (readonly [string, CrewVehicleState])[],
    nowMs: number,
  ): Promise<void> {
    await this.dispatchSystem.refresh(silent.map(([vehicleId]) => vehicleId));
    const results = new Map<string, DetectionResult>();
    for (const [vehicleId, state] of silent) {
      const request = this.dispatchSystem.requestOf(vehicleId, state);
      const result = detectSilence(vehicleId, state, nowMs, this.rules, request);
      const isShadow = !this.dispatchSystem.isNotifier;
      if (result)
        results.set(vehicleId, {
          ...result,
          notifications: marked(silenceNotifications(result.events), isShadow),
        });
    }
    await this.persist(results);
  }

  private isNewPosition(position: CrewPosition): boolean {
    const state = this.states.get(position.vehicleId);
    return !state || position.receivedAtMs > state.heardMs || markerTimeMs(position) > state.shownMs;
  }

  /** The documents of the old server, of the vehicles whose earlier positions it has got and this service must continue. */
  private async storedOf(
    positions: readonly CrewPosition[],
    shadows: ReadonlySet<CrewPosition>,
  ): Promise<ReadonlyMap<string, StoredTracking>> {
    const none = new Map<string, StoredTracking>();
    /** Vehicle id → marker time of its first position. */
    const wanted = new Map<string, number>();
    let isRoleNew = false;
    for (const position of positions) {
      const { vehicleId } = position;
      const panel = this.states.get(vehicleId)?.panel;
      const takesOver = panel?.isShadow === true && !shadows.has(position);
      isRoleNew ||= takesOver;
      if (panel && !takesOver) continue;
      const firstMs = Math.min(wanted.get(vehicleId) ?? Infinity, markerTimeMs(position));
      wanted.set(vehicleId, firstMs);
    }
    // What this service writes after the change is in the documents soon. Therefore they are read before it too.
    const nowMs = this.clock.nowMs();
    if (shadows.size > 0 && Math.abs(nowMs - this.storedReadAtMs) >= STORED_READ_EVERY_MS)
      await this.readStored(nowMs);
    if (wanted.size === 0) return none;
    const sources = [isRoleNew ? await this.dispatchSystem.storedTrackings() : none, this.storedTrackings];
    if (sources.every(({ size }) => size === 0)) return none;
    const ids = await this.dispatchSystem.ambulanceIds([...wanted.keys()]);
    const found = [...ids].flatMap(([vehicleId, ambulanceId]): [string, StoredTracking][] => {
      const documents = sources.flatMap((source) => source.get(ambulanceId) ?? []);
      const stored = documents.find(({ atMs }) => atMs < (wanted.get(vehicleId) ?? 0)) ?? documents[0];
      return stored ? [[vehicleId, stored]] : [];
    });
    return new Map(found);
  }

  private async readStored(nowMs: number): Promise<void> {
    this.storedReadAtMs = nowMs;
    this.storedTrackings = await this.dispatchSystem.storedTrackings();
  }

  private async persist(results: ReadonlyMap<string, DetectionResult>): Promise<void> {
    const isSent = this.settings.crewEvents.panel.url !== null;
    const withEvents = [...results].filter(
      ([, { events, notifications }]) => events.length > 0 || (isSent && notifications.length > 0),
    );
    const ids = await this.dispatchSystem.ambulanceIds(withEvents.map(([vehicleId]) => vehicleId));
    const states = withEvents.map(([vehicleId, { memory, events, notifications }]): CrewState => {
      const ambulanceId = ids.get(vehicleId) ?? vehicleId;
      const pending = [
        ...pendingEvents(events, 'watchers', ambulanceId),
        ...(isSent ? pendingEvents(notifications, 'panel', ambulanceId) : []),
      ];
      return { vehicleId, memory, pending };
    });
    await this.write(states);
    for (const [vehicleId, { memory }] of results) {
      this.states.set(vehicleId, memory);
      // Also a state that was just written: the next save clears its pending events, which are recorded by then.
      this.unsaved.add(vehicleId);
    }
    await this.record(states.flatMap(({ pending }) => pending));
  }

  private async write(states: readonly CrewState[]): Promise<void> {
    if (states.length === 0) return;
    this.lock.assertHeld();
    await this.statesRepository.save(states, this.lock.epoch);
    for (const { vehicleId } of states) this.unsaved.delete(vehicleId);
  }

  private async record(pending: readonly PendingCrewEvent[]): Promise<void> {
    const recorded = await this.events.record(pending, {
      maxAgeMs: this.rules.notifyMaxAgeMs,
      giveUpAfterMs: this.settings.crewEvents.panel.giveUpAfterS * 1_000,
    });
    const forWatchers = recorded.filter(({ audience }) => audience !== 'panel');
    for (const { id, type, vehicleId } of forWatchers) {
      this.metrics.recorded(type);
      this.logger.debug({ id, type, vehicleId }, 'crew event recorded');
    }
    this.published.publish(forWatchers);
  }
}

function marked(
  notifications: readonly CrewEvent[],
  isShadow: boolean,
): readonly (CrewEvent & Pick<PendingCrewEvent, 'isShadow'>)[] {
  return isShadow ? notifications.map((each) => ({ ...each, isShadow })) : notifications;
}

function pendingEvents(
  events: readonly (CrewEvent & Pick<PendingCrewEvent, 'isShadow'>)[],
  audience: CrewEventAudience,
  ambulanceId: string,
): PendingCrewEvent[] {
  return events.map((event) => ({ ...event, audience, ambulanceId }));
}
