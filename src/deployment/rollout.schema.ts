import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import type { RolloutChange, RolloutPhase, RolloutSide } from './rollout.js';

/** The collection has one document; `Rollout` describes the fields. */
@Schema({ collection: 'rollout', versionKey: false })
export class RolloutRecord {
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: String, required: true })
  rolloutId!: string;

  @Prop({ type: String, required: true })
  from!: RolloutSide;

  @Prop({ type: String, required: true })
  to!: RolloutSide;

  @Prop({ type: String, required: true })
  phase!: RolloutPhase;

  @Prop({ type: Number, required: true })
  weightPct!: number;

  @Prop({ type: Number, required: true })
  epoch!: number;

  @Prop({ type: [Object], required: true })
  history!: RolloutChange[];
}

export const RolloutSchema = SchemaFactory.createForClass(RolloutRecord);
