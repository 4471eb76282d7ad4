import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';
import type { CrewEventType } from './crew-event.js';
import type { CrewEventAudience } from './crew-event-rules.js';

/**
 * State of a panel notification. `kept`: not to be sent, because it was late when it was recorded, or because `ambulances`
 * does not have its vehicle. `dead`: given up, until an operator retries it. `shadow`: never to be sent, because the old server,
 * which ran beside this service, has sent its own.
 */
export const SEND_STATES = ['waiting', 'sent', 'dead', 'kept', 'shadow'] as const;
export type SendState = (typeof SEND_STATES)[number];

/**
 * A crew event for watchers, or a notification for the panel, which has the fields from `sendState` on. A document of an
 * earlier release is both.
 */
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

  /** Absent in documents of earlier releases: both. */
  @Prop({ type: String })
  audience?: CrewEventAudience;

  /** The vehicle's id in the old system. */
  @Prop({ type: String, required: true })
  ambulanceId!: string;

  @Prop({ type: String })
  sendState!: SendState;

  @Prop({ type: Number })
  attempts!: number;

  /** Attempts that may have ended the panel's process: it closed the connection without an answer. */
  @Prop({ type: Number })
  closures?: number;

  @Prop({ type: Date })
  nextAttemptAt!: Date;

  /** No attempt begins at or after this time, and one that fails then is the last one. */
  @Prop({ type: Date })
  giveUpAt!: Date;

  /** Why the last attempt failed, or why it is kept; null: neither. */
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
