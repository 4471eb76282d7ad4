import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';

/** One document; `last-admin-protection.ts` explains its use. */
@Schema({ collection: 'admin_guard', versionKey: false })
export class AdminGuard {
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: Number, required: true })
  version!: number;

  /** Ids of confirmed admins; there may be more admins. */
  @Prop({ type: [String], required: true })
  userIds!: string[];
}

export const AdminGuardSchema = SchemaFactory.createForClass(AdminGuard);
