import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection, mongo } from 'mongoose';
import { collectionOf, duplicateKeyField } from '../../database/index.js';
import type { RoleRecord } from './legacy-role.js';

const ROLES = 'roles';

type RoleDocument = RoleRecord & { readonly _id: string };

/** `legacy_move`: what an operator changes during a move. The collection needs no index, so its first document creates it. */
@Injectable()
export class LegacyMoveRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** null: the role was never changed. @throws storage's errors */
  async findRole(): Promise<RoleRecord | null> {
    const found = await this.documents.findOne({ _id: ROLES });
    return found && { epoch: found.epoch, role: found.role, history: found.history };
  }

  /**
   * Compare-and-set.
   * @param seenEpoch epoch of the record that `record` was made from; null: there was none
   * @returns false when the record has changed since
   */
  async replaceRole(seenEpoch: number | null, record: RoleRecord): Promise<boolean> {
    const { epoch, role, history } = record;
    if (seenEpoch !== null) {
      const change = { $set: { epoch, role, history } };
      const { matchedCount } = await this.documents.updateOne({ _id: ROLES, epoch: seenEpoch }, change);
      return matchedCount === 1;
    }
    try {
      await this.documents.insertOne({ _id: ROLES, epoch, role, history });
      return true;
    } catch (error) {
      if (duplicateKeyField(error) === '_id') return false;
      throw error;
    }
  }

  private get documents(): mongo.Collection<RoleDocument> {
    return collectionOf<RoleDocument>(this.connection, 'legacy_move');
  }
}
