import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';
import type { CrewVehicleState } from './crew-event-rules.js';
import type { PendingCrewEvent } from './pending-crew-event.js';

/** What is remembered of one vehicle. Read whole by a new owner, so no index. */
@Schema({ collection: 'crew_states', versionKey: false })
export class CrewStateRecord {
  /** The vehicle's. */
  @Prop({ type: Types.ObjectId, required: true })
  _id!: Types.ObjectId;

  /** Of the owner who may write it; a new one puts its own into all of them first. */
  @Prop({ type: Number, required: true })
  epoch!: number;

  @Prop({ type: Object, required: true })
  memory!: CrewVehicleState;

  /** Noticed in the same write as the memory, and perhaps not in `crew_events` yet. */
  @Prop({ type: Array, required: true })
  pending!: readonly PendingCrewEvent[];
}

export const CrewStateSchema = SchemaFactory.createForClass(CrewStateRecord);
