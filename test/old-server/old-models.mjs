/** The collections according to the known facts, with mongoose 6 and its validation. No indexes. */
import mongoose from 'mongoose-6';

const { Schema } = mongoose;
const { Mixed, ObjectId } = Schema.Types;
const place = { lat: { type: Number, default: 0 }, lon: { type: Number, default: 0 } };
const model = (collection, fields) =>
  mongoose.model(collection, new Schema(fields, { collection, versionKey: false, minimize: false }));

export const Ambulance = model('ambulances', {
  name1: String,
  name2: String,
  number: String,
  ambulance_box_code: String,
  isactive: Boolean,
  isonline: Boolean,
  isdeleted: Boolean,
});

export const Tracking = model('ambulance_trackings', {
  ambulance_id: ObjectId,
  location: place,
  source_location: Mixed,
  destination_location: Mixed,
  speed: { type: Number, required: true },
  avg_speed: Number,
  heading: Number,
  count_datetime: Date,
  // The enum has GREEN, YELLOW and RED only; writes bypass the validation.
  state: { type: String, default: 'GREEN' },
  covered_distance: { type: Number, default: 0 },
  estimated_time: Number,
});

export const TrackingHistory = model('ambulance_tracking_histories', {
  ambulance_id: ObjectId,
  // The server writes `locations`, which mongoose drops, so every document has 0,0.
  location: place,
  speed: Number,
  heading: Number,
  count_datetime: Date,
});

export const Images = model('ambulance_images', { ambulance_id: ObjectId, images: Mixed });
export const ImageHistory = model('ambulance_image_histories', { ambulance_id: ObjectId, images: Mixed });

export const Crash = model('ambulance_crashes', {
  ambulance_id: ObjectId,
  location: place,
  speed: Number,
  heading: Number,
  count_datetime: Date,
});

export const AocRequest = model('aoc_requests', {
  ambulance_id: ObjectId,
  request_status: String,
  request_type: String,
});
