import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import type { CrewVehicleState, PendingCrewEvent } from './crew-event-rules.js';
import { CrewStateRecord } from './crew-state.schema.js';

export interface CrewState {
  readonly vehicleId: string;
  readonly memory: CrewVehicleState;
  readonly pending: readonly PendingCrewEvent[];
}

@Injectable()
export class CrewStatesRepository {
  constructor(@InjectModel(CrewStateRecord.name) private readonly states: Model<CrewStateRecord>) {}

  /** Writes the epoch into all documents, so that an earlier leader cannot write any of them, and reads them. */
  async takeOver(epoch: number): Promise<CrewState[]> {
    const earlier = { epoch: { $lt: epoch } };
    await this.states.collection.updateMany(earlier, { $set: { epoch } });
    const found = await this.states.find().lean();
    return found.map(({ _id, memory, pending }) => ({ vehicleId: _id.toHexString(), memory, pending }));
  }

  /**
   * Writes each state with its pending events.
   * @throws a duplicate key for a document that has a later epoch; that document stays unchanged
   */
  async save(states: readonly CrewState[], epoch: number): Promise<void> {
    if (states.length === 0) return;
    await this.states.collection.bulkWrite(
      states.map(({ vehicleId, memory, pending }) => ({
        updateOne: {
          filter: { _id: new Types.ObjectId(vehicleId), epoch },
          update: { $set: { memory, pending: [...pending] } },
          upsert: true,
        },
      })),
      { ordered: false },
    );
  }
}
