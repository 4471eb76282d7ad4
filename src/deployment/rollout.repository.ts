import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { duplicateKeyField } from '../database/index.js';
import type { Rollout } from './rollout.js';
import { RolloutRecord } from './rollout.schema.js';

const ID = 'rollout';

@Injectable()
export class RolloutRepository {
  constructor(@InjectModel(RolloutRecord.name) private readonly rollouts: Model<RolloutRecord>) {}

  /** null: no rollout was ever started; the same as phase `idle`. */
  async find(): Promise<Rollout | null> {
    const found = await this.rollouts.findById(ID).lean();
    if (!found) return null;
    const { rolloutId, from, to, phase, weightPct, epoch, history } = found;
    return { id: rolloutId, from, to, phase, weightPct, epoch, history };
  }

  /**
   * Compare-and-set.
   * @param seenEpoch epoch of the record that `rollout` was derived from; 0 when there was none
   * @returns false when the record has changed since
   */
  async replace(seenEpoch: number, rollout: Rollout): Promise<boolean> {
    const { id, ...rest } = rollout;
    const record = { ...rest, rolloutId: id, history: [...rest.history] };
    if (seenEpoch > 0) {
      const { matchedCount } = await this.rollouts.updateOne({ _id: ID, epoch: seenEpoch }, { $set: record });
      return matchedCount === 1;
    }
    try {
      await this.rollouts.create({ _id: ID, ...record });
      return true;
    } catch (error) {
      if (duplicateKeyField(error) === '_id') return false;
      throw error;
    }
  }
}
