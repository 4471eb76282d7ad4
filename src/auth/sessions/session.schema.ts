import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';

/** One log-in and the refresh tokens that grow from it; see `refresh-token.ts` for why none of them is stored. */
@Schema({ collection: 'sessions' })
export class Session {
  @Prop({ type: Types.ObjectId, required: true })
  userId!: Types.ObjectId;

  /** 32 random bytes, base64url: without it the signing secret alone would forge refresh tokens. */
  @Prop({ type: String, required: true })
  salt!: string;

  /** Of the refresh token that is good now; counts up by one with each rotation. */
  @Prop({ type: Number, required: true })
  generation!: number;

  /** The user's `sessionEpoch` when the session began; without one it is 0. */
  @Prop({ type: Number })
  epoch?: number;

  @Prop({ type: Date, required: true })
  rotatedAt!: Date;

  @Prop({ type: Date, required: true })
  expiresAt!: Date;

  @Prop({ type: Date })
  revokedAt?: Date;
}

export const SessionSchema = SchemaFactory.createForClass(Session);
