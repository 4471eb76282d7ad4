/** The collections according to the known facts, with mongoose 6, its validation and its timestamps. No indexes. */
import mongoose from 'mongoose-6';

const { Schema } = mongoose;
const { Mixed, ObjectId } = Schema.Types;
const number = { type: Number, default: 0 };
const place = { lat: number, lon: number };
const model = (collection, fields, timestamps = true) =>
  mongoose.model(collection, new Schema(fields, { collection, minimize: false, timestamps }));

export const Ambulance = model('ambulances', {
  name1: String,
  name2: String,
  number: String,
  ambulance_box_code: String,
  isactive: Number,
  is_online: Number,
  isdeleted: Boolean,
});

export const Tracking = model('ambulance_trackings', {
  ambulance_id: ObjectId,
  location: place,
  source_location: place,
  destination_location: place,
  speed: { ...number, required: true },
  avg_speed: number,
  heading: number,
  covered_distance: number,
  estimated_time: number,
  count_datetime: Date,
  // The enum has GREEN, YELLOW and RED only; writes bypass the validation.
  state: { type: String, default: 'GREEN' },
  speed_above_80: ObjectId,
  speed_above_120: ObjectId,
});

export const TrackingHistory = model(
  'ambulance_tracking_histories',
  {
    ambulance_id: ObjectId,
    // The server writes `locations`, which mongoose drops, so every document has 0,0.
    location: place,
    speed: Number,
    speed_above_80: ObjectId,
    speed_above_120: ObjectId,
  },
  { createdAt: true, updatedAt: false },
);

const pictures = { ambulance_id: ObjectId, images: Mixed };
export const Images = model('ambulance_images', { ...pictures, ambulance_image_histories_id: ObjectId });
export const ImageHistory = model('ambulance_image_histories', pictures);

export const Crash = model('ambulance_crashes', {
  ambulance_id: ObjectId,
  location: place,
  speed: Number,
  heading: String,
  app_notification: number,
  location_detail: { address: { type: String, default: '' }, image: { type: String, default: '' } },
  ambulance_image_histories_id: ObjectId,
});

export const AocRequest = model('aoc_requests', {
  ambulance_id: ObjectId,
  request_status: { type: String, default: 'IDEAL' },
  request_type: String,
});
