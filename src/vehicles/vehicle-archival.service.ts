import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../core/index.js';
import { StartupTasks } from '../database/index.js';
import { VehicleCredentialsService } from './vehicle-credentials.service.js';
import { versionMismatch } from './vehicle.errors.js';
import { VehicleWriter } from './vehicle-writer.js';
import { VehiclesRepository } from './vehicles.repository.js';
import { matchesIfMatch } from './vehicle-etag.js';

/** Archives vehicles: their data stays, their device tokens are revoked. */
@Injectable()
export class VehicleArchivalService implements OnModuleInit {
  constructor(
    private readonly vehicles: VehiclesRepository,
    private readonly writer: VehicleWriter,
    private readonly credentials: VehicleCredentialsService,
    private readonly clock: Clock,
    private readonly startupTasks: StartupTasks,
  ) {}

  onModuleInit(): void {
    // A kill between the two writes leaves an archived vehicle with valid credentials.
    this.startupTasks.add('credentials of archived vehicles', async () => {
      for (const id of await this.vehicles.listUnfinishedArchivals()) await this.finish(id);
    });
  }

  /**
   * Idempotent.
   * @throws vehicles/not-found, vehicles/version-mismatch, vehicles/busy
   */
  async archive(id: string, ifMatch?: string): Promise<void> {
    const vehicle = await this.vehicles.getIncludingArchived(id);
    if (!vehicle.archivedAt) {
      await this.writer.change(vehicle.id, (current) => {
        if (!matchesIfMatch(ifMatch, current)) throw versionMismatch();
        return { archivedAt: this.now() };
      });
    }
    await this.finish(vehicle.id);
  }

  private async finish(id: string): Promise<void> {
    await this.credentials.revokeAll(id);
    await this.vehicles.finishArchival(id, this.now());
  }

  private now(): Date {
    return new Date(this.clock.nowMs());
  }
}
