/** `POST /api/tracking/postAmbulanceTracking`: answers first, stores later. */
import mongoose from 'mongoose-6';
import { Ambulance, AocRequest, Tracking, TrackingHistory } from './old-models.mjs';
import { notifyOf } from './old-notifications.mjs';

const EARTH_RADIUS_M = 6_371_008.8;

export function ambulanceOf(body) {
  return Ambulance.findOne({ ambulance_box_code: body.ambulance_id ?? null });
}

export const kmh = (metresPerSecond) => Number.parseFloat(metresPerSecond) * 3.6;
export const twoDecimals = (value) => Math.round(value * 100) / 100;

export async function takeTracking(io, request, response) {
  const { body } = request;
  const ambulance = await ambulanceOf(body);
  if (!ambulance) return response.status(201).json({ message: 'Ambulance not found.' });
  // Not of the old server: a test reads it. What follows can be lost.
  console.log(`answers position ${body.ambulance_id} ${body.tracking_speed}`);
  response.status(200).json({ success: true });
  const tracking = await Tracking.findOne({ ambulance_id: ambulance._id });
  const open = await openRequestOf(ambulance);
  const minutes = tracking ? minutesLeft(tracking, body) : 0;
  tellWatchers(io, ambulance, open, minutes, body);
  const place = { lat: body.tracking_latitude, lon: body.tracking_longitude };
  if (!tracking) return createTracking(ambulance, place, body);
  const now = kmh(body.tracking_speed);
  notifyOf(ambulance, open, { kmh: now, storedKmh: tracking.speed, minutes });
  // A position without a place is not stored; its answer is a success.
  if (Number.isNaN(Number(place.lat ?? NaN)) || Number.isNaN(Number(place.lon ?? NaN))) return;
  tracking.location = place;
  tracking.speed = now <= 1 ? 0 : Math.ceil(now);
  tracking.avg_speed = twoDecimals((tracking.avg_speed + now) / 2);
  tracking.heading = numberOrZero(body.tracking_heading);
  tracking.count_datetime = new Date();
  tracking.estimated_time = minutes;
  tracking.covered_distance = isPlace(tracking.source_location)
    ? metresBetween(tracking.source_location, pointOf(body)) / 1_000
    : 0;
  const newId = () => new mongoose.Types.ObjectId();
  tracking.speed_above_80 = now > 80 ? (tracking.speed_above_80 ?? newId()) : undefined;
  tracking.speed_above_120 = now > 120 ? (tracking.speed_above_120 ?? newId()) : undefined;
  // Not awaited and not caught: a speed that is not a number ends the process here.
  void tracking.save();
  if (Number.isNaN(now)) return;
  const state = tracking.avg_speed > 120 ? 'RED' : tracking.avg_speed > 80 ? 'ORANGE' : null;
  if (state) await Tracking.updateOne({ _id: tracking._id }, { $set: { state } });
  const { speed_above_80, speed_above_120 } = tracking;
  await TrackingHistory.create({
    ambulance_id: ambulance._id,
    locations: place,
    speed: now,
    ...(speed_above_80 && { speed_above_80 }),
    ...(speed_above_120 && { speed_above_120 }),
  });
}

/** The first in natural order: the oldest, when there are several. */
async function openRequestOf({ _id }) {
  const requests = await AocRequest.find({ ambulance_id: _id });
  return requests.find(({ request_status: status }) => status !== 'COMPLETED' && status !== 'CANCELED');
}

async function createTracking(ambulance, location, body) {
  const now = kmh(body.tracking_speed);
  try {
    await Tracking.create({
      ambulance_id: ambulance._id,
      location,
      speed: now <= 1 ? 0 : Math.ceil(now),
      heading: numberOrZero(body.tracking_heading),
      count_datetime: new Date(),
    });
  } catch {
    // Not stored; the failure is ignored.
  }
}

/** One frame to each of the two rooms: a panel in both gets it twice. */
function tellWatchers(io, ambulance, open, minutes, body) {
  const frame = JSON.stringify({
    ...body,
    tracking_speed: kmh(body.tracking_speed),
    _id: ambulance._id,
    is_assign: open ? 1 : 0,
    type: 'TRACKING',
    request_type: open?.request_type ?? '',
    estimated_time: minutes,
  });
  io.to('tracking').emit('data', frame);
  io.to(String(ambulance._id)).emit('data', frame);
}

/** Minutes, a fraction; 0 without both places and while the vehicle stands. */
function minutesLeft({ source_location: from, destination_location: to }, body) {
  const speed = Number.parseFloat(body.tracking_speed);
  if (!isPlace(from) || !isPlace(to) || !(speed > 0)) return 0;
  return metresBetween(pointOf(body), to) / speed / 60;
}

const isPlace = ({ lat, lon } = {}) => Boolean(lat || lon);
const pointOf = (body) => ({ lat: Number(body.tracking_latitude), lon: Number(body.tracking_longitude) });
const numberOrZero = (value) => (Number.isFinite(Number.parseFloat(value)) ? Number.parseFloat(value) : 0);

function metresBetween(from, to) {
  const radians = (degrees) => (degrees * Math.PI) / 180;
  const [lat1, lat2] = [radians(from.lat), radians(to.lat)];
  const dLon = radians(to.lon - from.lon);
  const h = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(h));
}
