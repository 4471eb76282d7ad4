import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { duplicateKeyField } from '../../database/index.js';
import { AdminGuard } from './admin-guard.schema.js';

const ID = 'admins';

interface ConfirmedAdmins {
  /** 0: no document yet. */
  readonly version: number;
  readonly userIds: readonly string[];
}

@Injectable()
export class AdminGuardRepository {
  constructor(@InjectModel(AdminGuard.name) private readonly guard: Model<AdminGuard>) {}

  async read(): Promise<ConfirmedAdmins> {
    const found = await this.guard.findById(ID);
    return found ? { version: found.version, userIds: found.userIds } : { version: 0, userIds: [] };
  }

  /** @returns false when it was replaced since it was read */
  async replace(version: number, userIds: readonly string[]): Promise<boolean> {
    const next = { version: version + 1, userIds: [...userIds] };
    if (version > 0) {
      const result = await this.guard.updateOne({ _id: ID, version }, { $set: next });
      return result.modifiedCount === 1;
    }
    try {
      await this.guard.create({ _id: ID, ...next });
      return true;
    } catch (error) {
      if (duplicateKeyField(error) === '_id') return false;
      throw error;
    }
  }
}
