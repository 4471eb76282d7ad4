import { Injectable } from '@nestjs/common';
import {
  EventBus,
  type Position,
  positionJson,
  type PositionView,
  type RecordedPosition,
  toPositionView,
} from '../../core/index.js';
import { type MarkerSearch, MarkerTable } from './marker-table.js';

declare module '../../core/events/event-bus.js' {
  interface EventMap {
    /** Positions became durable. In the order of recording, never empty. The live markers are up to date. */
    'position.recorded': readonly RecordedPosition[];
  }
}

/** The live marker of every vehicle: its newest position, in memory. Snapshots and lists read it. */
@Injectable()
export class LatestPositions {
  private readonly markers = new MarkerTable();
  private readonly archived = new Set<string>();
  /** Vehicle id → since when, epoch milliseconds. `DeviceClocks` sets it. */
  private readonly behind = new Map<string, number>();

  constructor(private readonly events: EventBus) {
    events.share('position.recorded');
    events.subscribe('position.recorded', (recorded) => {
      for (const { position } of recorded) this.offer(position);
    });
    events.subscribe('vehicle.changed', ({ vehicle, isArchived }) => {
      if (isArchived) this.removeArchived(vehicle.id);
    });
  }

  /** Publishes `position.recorded`; the live markers are updated first. */
  publish(recorded: readonly RecordedPosition[]): void {
    if (recorded.length > 0) this.events.publish('position.recorded', recorded);
  }

  /** Makes it the marker of its vehicle when it is the newest by `markerTimeMs`. */
  offer(position: Position): void {
    if (!this.archived.has(position.vehicleId)) this.markers.offer(position);
  }

  of(vehicleId: string): Position | null {
    return this.markers.find(vehicleId);
  }

  get search(): MarkerSearch {
    return this.markers;
  }

  /** Vehicles that report while their newest fix time stands still: id → since when, epoch milliseconds. */
  get clocksBehind(): ReadonlyMap<string, number> {
    return this.behind;
  }

  /** @param sinceMs null removes the mark */
  setClockBehind(vehicleId: string, sinceMs: number | null): void {
    if (sinceMs === null || this.archived.has(vehicleId)) this.behind.delete(vehicleId);
    else this.behind.set(vehicleId, sinceMs);
    this.markers.setClockBehind(vehicleId, this.behind.has(vehicleId));
  }

  /** A position as the live parts of the API show it: with the mark of the vehicle's clock. */
  view(position: Position): PositionView {
    const view = toPositionView(position);
    return this.behind.has(position.vehicleId) ? { ...view, clock: 'behind' } : view;
  }

  /** `{vehicleId, position: view}` as JSON. That of a live marker is kept, for frames, snapshots and lists. */
  json(position: Position): string {
    const { vehicleId } = position;
    return this.markers.textOf(position, () => {
      const json = positionJson(position);
      const shown = this.behind.has(vehicleId) ? `${json.slice(0, -1)},"clock":"behind"}` : json;
      return `${textBeforeView(vehicleId)}${shown}}`;
    });
  }

  /** The same text as `JSON.stringify(view(position))`. */
  viewJson(position: Position): string {
    return this.json(position).slice(textBeforeView(position.vehicleId).length, -1);
  }

  /** Permanent: a position that was in flight at that time must not restore the marker. */
  private removeArchived(vehicleId: string): void {
    this.archived.add(vehicleId);
    this.markers.remove(vehicleId);
    this.behind.delete(vehicleId);
  }
}

function textBeforeView(vehicleId: string): string {
  return `{"vehicleId":"${vehicleId}","position":`;
}
