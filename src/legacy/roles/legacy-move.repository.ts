import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection, mongo } from 'mongoose';
import { collectionOf, duplicateKeyField } from '../../database/index.js';
import type { RoleRecord } from './legacy-role.js';

const ROLES = 'roles';
const MIRROR = 'mirror';

/** `revision` increases by one with every change, from 1. */
export interface MirrorState {
  /** Mirrored posts are taken. */
  readonly isOn: boolean;
  readonly revision: number;
}

type RoleDocument = RoleRecord & { readonly _id: string };
type MirrorDocument = MirrorState & { readonly _id: string };

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

  /** null: it was never changed. @throws storage's errors */
  async findMirror(): Promise<MirrorState | null> {
    const found = await this.mirrorDocuments.findOne({ _id: MIRROR });
    return found && { isOn: found.isOn, revision: found.revision };
  }

  /** A later revision in storage stays. @throws storage's errors */
  async saveMirror({ isOn, revision }: MirrorState): Promise<void> {
    const change = { $set: { isOn, revision } };
    const earlier = { _id: MIRROR, revision: { $lt: revision } };
    try {
      await this.mirrorDocuments.updateOne(earlier, change, { upsert: true });
    } catch (error) {
      if (duplicateKeyField(error) !== '_id') throw error;
    }
  }

  private get documents(): mongo.Collection<RoleDocument> {
    return collectionOf<RoleDocument>(this.connection, 'legacy_move');
  }

  private get mirrorDocuments(): mongo.Collection<MirrorDocument> {
    return collectionOf<MirrorDocument>(this.connection, 'legacy_move');
  }
}
