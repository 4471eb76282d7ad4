import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';

/** One document; `last-admin.ts` says what for. */
@Schema({ collection: 'admin_guard', versionKey: false })
export class AdminGuard {
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: Number, required: true })
  version!: number;

  /** Users who are admins for certain; there may be more. */
  @Prop({ type: [String], required: true })
  userIds!: string[];
}

export const AdminGuardSchema = SchemaFactory.createForClass(AdminGuard);
