import { Injectable } from '@nestjs/common';
import { type CredentialSummary, DeviceCredentialsService, type IssuedCredential } from '../auth/index.js';
import type { Page } from '../core/index.js';
import { VehiclesRepository } from './vehicles.repository.js';

/** The device tokens of a vehicle. */
@Injectable()
export class VehicleCredentialsService {
  constructor(
    private readonly vehicles: VehiclesRepository,
    private readonly credentials: DeviceCredentialsService,
  ) {}

  /** @throws vehicles/not-found */
  async issue(vehicleId: string, label?: string): Promise<IssuedCredential> {
    const { id } = await this.vehicles.getById(vehicleId);
    const issued = await this.credentials.issue(id, label);
    try {
      // If the vehicle was archived meanwhile, its credentials are revoked already and this one would stay valid.
      await this.vehicles.getById(id);
    } catch (error) {
      await this.credentials.revoke(id, issued.id);
      throw error;
    }
    return issued;
  }

  /** @throws vehicles/not-found */
  async list(vehicleId: string): Promise<Page<CredentialSummary>> {
    const { id } = await this.vehicles.getById(vehicleId);
    return { items: await this.credentials.listOf(id), nextCursor: null };
  }

  /** @throws vehicles/not-found, credentials/not-found */
  async revoke(vehicleId: string, credentialId: string): Promise<void> {
    const { id } = await this.vehicles.getById(vehicleId);
    await this.credentials.revoke(id, credentialId);
  }

  /** Revokes every valid credential of the vehicle; its live sockets close. */
  async revokeAll(vehicleId: string): Promise<void> {
    const credentials = await this.credentials.listOf(vehicleId);
    for (const { id, revokedAt } of credentials) {
      if (!revokedAt) await this.credentials.revoke(vehicleId, id);
    }
  }
}
