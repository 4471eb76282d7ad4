import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';
import type { CrewVehicleState, PendingCrewEvent } from './crew-event-rules.js';

/** The state of one vehicle. A new leader reads the whole collection, so it has no index. */
@Schema({ collection: 'crew_states', versionKey: false })
export class CrewStateRecord {
  /** The vehicle's id. */
  @Prop({ type: Types.ObjectId, required: true })
  _id!: Types.ObjectId;

  /** Epoch of the leader that may write the document. A new leader first writes its own into all documents. */
  @Prop({ type: Number, required: true })
  epoch!: number;

  @Prop({ type: Object, required: true })
  memory!: CrewVehicleState;

  /** Events of the same write that are perhaps not in `crew_events` yet. */
  @Prop({ type: Array, required: true })
  pending!: readonly PendingCrewEvent[];
}

export const CrewStateSchema = SchemaFactory.createForClass(CrewStateRecord);
