import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';
import type { CrewEventType } from './crew-event.js';

/**
 * State of an event's panel notification. `kept`: not to be sent, because no panel was configured when the event was
 * recorded, because the event was late, or because the panel has no such notification. `dead`: given up,
 * until an operator retries it.
 */
export const SEND_STATES = ['waiting', 'sent', 'dead', 'kept'] as const;
export type SendState = (typeof SEND_STATES)[number];

/** A crew event and its panel notification, in one document so that one write makes both durable. */
@Schema({ collection: 'crew_events', versionKey: false })
export class CrewEventRecord {
  /** Made from the vehicle, the type and the subject, so that an event that is recorded twice is stored once. */
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

  /** By the database's clock. Every instance polls by it. */
  @Prop({ type: Date, required: true })
  recordedAt!: Date;

  /** It was older than CREW_NOTIFY_MAX_AGE_S when it was recorded. Absent in events of earlier releases. */
  @Prop({ type: Boolean })
  late?: boolean;

  /** The vehicle's id in the old system. */
  @Prop({ type: String, required: true })
  ambulanceId!: string;

  @Prop({ type: String, required: true })
  sendState!: SendState;

  @Prop({ type: Number, required: true })
  attempts!: number;

  @Prop({ type: Date, required: true })
  nextAttemptAt!: Date;

  /** An attempt that fails at or after this time is the last one. */
  @Prop({ type: Date, required: true })
  giveUpAt!: Date;

  /** Why the last attempt failed; null: no attempt has failed. */
  @Prop({ type: String, default: null })
  failure!: string | null;

  @Prop({ type: Date, default: null })
  sentAt!: Date | null;
}

export const CrewEventSchema = SchemaFactory.createForClass(CrewEventRecord);

/** Used by polls and replays. */
CrewEventSchema.index({ recordedAt: 1, _id: 1 });
/** Used by the sender and the operator's list. */
CrewEventSchema.index({ sendState: 1, recordedAt: 1, _id: 1 });
