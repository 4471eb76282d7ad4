import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';
import type { CrewMemory } from './crew-rules.js';
import type { PendingEvent } from './pending-event.js';

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
  memory!: CrewMemory;

  /** Noticed in the same write as the memory, and perhaps not in `crew_events` yet. */
  @Prop({ type: Array, required: true })
  pending!: readonly PendingEvent[];
}

export const CrewStateSchema = SchemaFactory.createForClass(CrewStateRecord);
