import { Injectable } from '@nestjs/common';
import {
  EventBus,
  markerTimeMs,
  type Position,
  type PositionView,
  type RecordedPosition,
  toPositionView,
  type UnitVector,
  unitVector,
  withoutOriginalFields,
} from '../../core/index.js';

declare module '../../core/events/event-bus.js' {
  interface EventMap {
    /** Positions became durable. In the order of recording, never empty. The live markers are up to date. */
    'position.recorded': readonly RecordedPosition[];
  }
}

/** The live marker of a vehicle, changed in place. */
export interface Marker {
  /** null: the vehicle has none. */
  position: Position | null;
  /** The place of the position. */
  vector: UnitVector;
  /** Of the view of the position; null until it is needed. */
  json: string | null;
}

const NOWHERE = unitVector({ lat: 0, lon: 0 });

/** The live marker of every vehicle: its newest position, in memory. Snapshots and lists read it. */
@Injectable()
export class LatestPositions {
  private readonly markers = new Map<string, Marker>();
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
    if (this.archived.has(position.vehicleId)) return;
    const marker = this.marker(position.vehicleId);
    if (marker.position && markerTimeMs(position) < markerTimeMs(marker.position)) return;
    marker.position = withoutOriginalFields(position);
    marker.vector = unitVector(position);
    marker.json = null;
  }

  /** The same object for the life of the vehicle. */
  marker(vehicleId: string): Marker {
    let marker = this.markers.get(vehicleId);
    if (!marker) {
      marker = { position: null, vector: NOWHERE, json: null };
      if (!this.archived.has(vehicleId)) this.markers.set(vehicleId, marker);
    }
    return marker;
  }

  of(vehicleId: string): Position | null {
    return this.markers.get(vehicleId)?.position ?? null;
  }

  *all(): IterableIterator<Position> {
    for (const { position } of this.markers.values()) if (position) yield position;
  }

  /** Vehicles that report while their newest fix time stands still: id → since when, epoch milliseconds. */
  get clocksBehind(): ReadonlyMap<string, number> {
    return this.behind;
  }

  /** @param sinceMs null removes the mark */
  setClockBehind(vehicleId: string, sinceMs: number | null): void {
    if (sinceMs === null || this.archived.has(vehicleId)) this.behind.delete(vehicleId);
    else this.behind.set(vehicleId, sinceMs);
    const marker = this.markers.get(vehicleId);
    if (marker) marker.json = null;
  }

  /** A position as the live parts of the API show it: with the mark of the vehicle's clock. */
  view(position: Position): PositionView {
    const view = toPositionView(position);
    return this.behind.has(position.vehicleId) ? { ...view, clock: 'behind' } : view;
  }

  /** The JSON of `view`. That of a live marker is kept, for frames, snapshots and lists. */
  json(position: Position): string {
    const marker = this.markers.get(position.vehicleId);
    if (marker?.position !== position) return JSON.stringify(this.view(position));
    marker.json ??= JSON.stringify(this.view(position));
    return marker.json;
  }

  /** The JSON of a vehicle with its live position, as lists and snapshots have it. */
  itemJson(position: Position): string {
    return `{"vehicleId":"${position.vehicleId}","position":${this.json(position)}}`;
  }

  /** Permanent: a position that was in flight at that time must not restore the marker. */
  private removeArchived(vehicleId: string): void {
    this.archived.add(vehicleId);
    const marker = this.markers.get(vehicleId);
    if (marker) marker.position = null;
    this.markers.delete(vehicleId);
    this.behind.delete(vehicleId);
  }
}
