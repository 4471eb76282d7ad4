import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { type VehicleChange, VehicleChanges } from '../../vehicles/index.js';
import { LiveStreams } from './live-streams.js';

/** Tells watchers what changes about the vehicles they see: a status, a name, one that left service. */
@Injectable()
export class LiveNotifier implements OnModuleInit, OnApplicationShutdown {
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly changes: VehicleChanges,
    private readonly streams: LiveStreams,
  ) {}

  onModuleInit(): void {
    this.stopListening = this.changes.subscribe((change) => this.sendVehicleChange(change));
  }

  onApplicationShutdown(): void {
    this.stopListening();
  }

  private sendVehicleChange(change: VehicleChange): void {
    const cursor = this.streams.cursor();
    for (const stream of this.streams.all()) stream.sendVehicleChange(change, cursor);
  }
}
