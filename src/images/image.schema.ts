import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';
import type { ImageType } from './formats/image-type.js';
import type { Image } from './image.js';

/** The record of an image. It is written after the file; on deletion it is removed after the file. */
@Schema({ collection: 'images', versionKey: false })
export class ImageRecord {
  /** See `newImageId`: begins with the seconds of `createdAt`. */
  @Prop({ type: Types.ObjectId, required: true })
  _id!: Types.ObjectId;

  /** Absent: the vehicle of an adopted file is not known yet. */
  @Prop({ type: Types.ObjectId })
  vehicleId?: Types.ObjectId;

  @Prop({ type: String, required: true })
  path!: string;

  @Prop({ type: String, required: true })
  filename!: string;

  @Prop({ type: String, required: true })
  contentType!: ImageType;

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

  /** See `Image`. */
  @Prop({ type: Number })
  place?: number;

  /** See `Image`. */
  @Prop({ type: Boolean })
  isDamaged?: true;

  /** `<vehicle>:<sha256>` of an upload. Adopted files have none: the old server stored equal bytes more than once. */
  @Prop({ type: String })
  contentKey?: string;

  /** Modification time of an adopted file, epoch milliseconds: an unchanged file is not read again. */
  @Prop({ type: Number })
  mtimeMs?: number;

  @Prop({ type: Date, required: true })
  createdAt!: Date;

  /** When its deletion began; absent otherwise. */
  @Prop({ type: Date })
  deletedAt?: Date;
}

export const ImageSchema = SchemaFactory.createForClass(ImageRecord);

/** One record per file, however often its directory is adopted. */
ImageSchema.index({ path: 1 }, { unique: true });
/** Equal bytes of one vehicle are one upload, also when they are sent twice at once. */
ImageSchema.index({ contentKey: 1 }, { unique: true, sparse: true });
/** Finds equal bytes of a vehicle, adopted files included. */
ImageSchema.index({ vehicleId: 1, sha256: 1 });
/** The images of a vehicle, newest first. */
ImageSchema.index({ vehicleId: 1, _id: 1 });
/** Unfinished deletions. */
ImageSchema.index({ deletedAt: 1 }, { sparse: true });

export function toRecord({ id, vehicleId, width, height, ...rest }: Image): ImageRecord {
  return {
    _id: new Types.ObjectId(id),
    ...(vehicleId !== null && { vehicleId: new Types.ObjectId(vehicleId) }),
    ...(width !== null && { width }),
    ...(height !== null && { height }),
    ...rest,
  };
}

export function toImage(record: ImageRecord): Image {
  return {
    id: record._id.toHexString(),
    vehicleId: record.vehicleId?.toHexString() ?? null,
    path: record.path,
    filename: record.filename,
    contentType: record.contentType,
    sizeBytes: record.sizeBytes,
    sha256: record.sha256,
    width: record.width ?? null,
    height: record.height ?? null,
    origin: record.origin,
    ...(record.place !== undefined && { place: record.place }),
    ...(record.isDamaged === true && { isDamaged: true }),
    createdAt: record.createdAt,
  };
}
