import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';

/** A rotation of the refresh token: the generation that was replaced. */
@Schema({ _id: false })
class StoredRotation {
  @Prop({ type: Number, required: true })
  generation!: number;

  @Prop({ type: Date, required: true })
  at!: Date;
}

/** One log-in. Its refresh tokens are computed, not stored (`token-pairs.service.ts`). */
@Schema({ collection: 'sessions' })
export class Session {
  @Prop({ type: Types.ObjectId, required: true })
  userId!: Types.ObjectId;

  /** 32 random bytes, base64url: so the signing secret alone cannot forge refresh tokens. */
  @Prop({ type: String, required: true })
  salt!: string;

  /** Generation of the current refresh token; grows by one with each rotation. */
  @Prop({ type: Number, required: true })
  generation!: number;

  /** The user's `sessionEpoch` at the log-in; absent means 0. */
  @Prop({ type: Number })
  epoch?: number;

  /** Time of the last rotation; before the first one, the time of the log-in. */
  @Prop({ type: Date, required: true })
  rotatedAt!: Date;

  /** Rotations of the last seconds, the last one included; absent before the first one. */
  @Prop({ type: [SchemaFactory.createForClass(StoredRotation)], default: undefined })
  recentRotations?: StoredRotation[];

  @Prop({ type: Date, required: true })
  expiresAt!: Date;

  @Prop({ type: Date })
  revokedAt?: Date;
}

export const SessionSchema = SchemaFactory.createForClass(Session);
