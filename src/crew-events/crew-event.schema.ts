import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';
import type { CrewEventType } from '../gateway/index.js';

/**
 * What becomes of telling the panel. `kept`: there was no panel to tell when it was recorded. `dead`: given up, until an
 * operator sends it again.
 */
export const SEND_STATES = ['waiting', 'sent', 'dead', 'kept'] as const;
export type SendState = (typeof SEND_STATES)[number];

/** An event, and in the same document what is to be sent of it: neither is ever there without the other. */
@Schema({ collection: 'crew_events', versionKey: false })
export class CrewEventRecord {
  /** Made from the vehicle, the type and what it is about: recorded twice it is there once. */
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: Types.ObjectId, required: true })
  vehicleId!: Types.ObjectId;

  @Prop({ type: String, required: true })
  type!: CrewEventType;

  @Prop({ type: Date, required: true })
  at!: Date;

  @Prop({ type: Number, required: true })
  lat!: number;

  @Prop({ type: Number, required: true })
  lon!: number;

  @Prop({ type: Number, default: null })
  averageKmh!: number | null;

  @Prop({ type: String, default: null })
  requestId!: string | null;

  @Prop({ type: Number, default: null })
  minutesLeft!: number | null;

  /** By the database's clock: followers on other instances go by it. */
  @Prop({ type: Date, required: true })
  recordedAt!: Date;

  /** The vehicle's id as the other programs know it. */
  @Prop({ type: String, required: true })
  ambulanceId!: string;

  @Prop({ type: String, required: true })
  sendState!: SendState;

  @Prop({ type: Number, required: true })
  attempts!: number;

  @Prop({ type: Date, required: true })
  nextAttemptAt!: Date;

  /** An attempt that fails later than this is the last. */
  @Prop({ type: Date, required: true })
  giveUpAt!: Date;

  /** Of the last attempt; null: none has failed. */
  @Prop({ type: String, default: null })
  failure!: string | null;

  @Prop({ type: Date, default: null })
  sentAt!: Date | null;
}

export const CrewEventSchema = SchemaFactory.createForClass(CrewEventRecord);

/** What is new, for watchers of every instance. */
CrewEventSchema.index({ recordedAt: 1, _id: 1 });
/** What waits to be sent, and the lists of the operator. */
CrewEventSchema.index({ sendState: 1, recordedAt: 1, _id: 1 });
