import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';
import type { PictureType } from './formats/picture-type.js';
import type { Image } from './image.js';

/** What is kept of a picture beside its file, which is there first and goes last. */
@Schema({ collection: 'images', versionKey: false })
export class ImageRecord {
  /** See `newImageId`: begins with the time of `createdAt`. */
  @Prop({ type: Types.ObjectId, required: true })
  _id!: Types.ObjectId;

  /** Absent: nobody knows yet whose it is. */
  @Prop({ type: Types.ObjectId })
  vehicleId?: Types.ObjectId;

  @Prop({ type: String, required: true })
  path!: string;

  @Prop({ type: String, required: true })
  filename!: string;

  @Prop({ type: String, required: true })
  contentType!: PictureType;

  @Prop({ type: Number, required: true })
  sizeBytes!: number;

  @Prop({ type: String, required: true })
  sha256!: string;

  @Prop({ type: Number })
  width?: number;

  @Prop({ type: Number })
  height?: number;

  @Prop({ type: String, required: true })
  origin!: Image['origin'];

  /** `<vehicle>:<sha256>` of an upload. An adopted one has none: the old server kept the same bytes more than once. */
  @Prop({ type: String })
  contentKey?: string;

  /** Of an adopted file when it was read, milliseconds: unchanged ones are not read again. */
  @Prop({ type: Number })
  mtimeMs?: number;

  @Prop({ type: Date, required: true })
  createdAt!: Date;

  /** Its file is being deleted; absent otherwise. */
  @Prop({ type: Date })
  deletedAt?: Date;
}

export const ImageSchema = SchemaFactory.createForClass(ImageRecord);

/** A file has one record, however often its directory is adopted. */
ImageSchema.index({ path: 1 }, { unique: true });
/** The same bytes for the same vehicle are one upload, also when they come twice at once. */
ImageSchema.index({ contentKey: 1 }, { unique: true, sparse: true });
/** Whether a vehicle has these bytes already, adopted ones included. */
ImageSchema.index({ vehicleId: 1, sha256: 1 });
/** A vehicle's pictures, newest first. */
ImageSchema.index({ vehicleId: 1, _id: 1 });
/** Deletions that were cut short. */
ImageSchema.index({ deletedAt: 1 }, { sparse: true });
