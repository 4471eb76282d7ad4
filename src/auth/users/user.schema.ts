import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';
import type { Role } from '../access/principal.js';

/** Records of the old server lack the counters; absent means 0. */
@Schema({ collection: 'users', timestamps: true })
export class User {
  /** See `emailKey`. */
  @Prop({ type: String, required: true })
  email!: string;

  @Prop({ type: String, required: true })
  name!: string;

  @Prop({ type: String, required: true })
  role!: Role;

  /** bcrypt, `$2a$` or `$2b$`. */
  @Prop({ type: String, required: true })
  passwordHash!: string;

  @Prop({ type: Number })
  version?: number;

  @Prop({ type: Number })
  sessionEpoch?: number;

  @Prop({ type: Types.ObjectId })
  keptSessionId?: Types.ObjectId;

  createdAt?: Date;
  updatedAt?: Date;
}

export const UserSchema = SchemaFactory.createForClass(User);

/** Used by the log-in; also prevents two first admins created by two instances at the same moment. */
UserSchema.index({ email: 1 }, { unique: true });
/** Used to list the admins before one is removed. */
UserSchema.index({ role: 1 });
