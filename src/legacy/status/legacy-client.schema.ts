import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import type { LegacyClientKind, LegacyTransport } from './legacy-client.js';

/** Who still speaks as the old server's clients did; a few hundred documents, read whole. */
@Schema({ collection: 'legacy_clients', versionKey: false })
export class LegacyClientRecord {
  /** `<kind>:<name>`, and of a panel its program. */
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: String, required: true })
  kind!: LegacyClientKind;

  @Prop({ type: String, required: true })
  name!: string;

  @Prop({ type: String, required: true })
  way!: LegacyTransport;

  @Prop({ type: String, required: true })
  dialect!: string;

  @Prop({ type: Date, required: true })
  firstSeenAt!: Date;

  @Prop({ type: Date, required: true })
  lastSeenAt!: Date;

  @Prop({ type: Number, required: true })
  count!: number;
}

export const LegacyClientSchema = SchemaFactory.createForClass(LegacyClientRecord);
