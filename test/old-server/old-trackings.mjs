/** `POST /api/tracking/postAmbulanceTracking`: answers first, stores later. */
import { Ambulance, AocRequest, Tracking, TrackingHistory } from './old-models.mjs';

const EARTH_RADIUS_M = 6_371_008.8;

export function ambulanceOf(body) {
  return Ambulance.findOne({ ambulance_box_code: body.ambulance_id ?? null });
}

export const kmh = (metresPerSecond) => Number.parseFloat(metresPerSecond) * 3.6;

export async function takeTracking(io, request, response) {
  const { body } = request;
  const ambulance = await ambulanceOf(body);
  if (!ambulance) return response.status(201).json({ message: 'Ambulance not found.' });
  response.status(200).json({ success: true });
  const tracking = await Tracking.findOne({ ambulance_id: ambulance._id });
  await tellWatchers(io, ambulance, tracking, body);
  const speed = Math.ceil(kmh(body.tracking_speed));
  const place = { lat: body.tracking_latitude, lon: body.tracking_longitude };
  if (!tracking) return createTracking(ambulance, place, speed, body);
  // A position without a place is not stored; its answer is a success.
  if (Number.isNaN(Number(place.lat ?? NaN)) || Number.isNaN(Number(place.lon ?? NaN))) return;
  tracking.location = place;
  tracking.speed = speed;
  tracking.avg_speed = (tracking.avg_speed + speed) / 2;
  tracking.heading = body.tracking_heading;
  tracking.count_datetime = new Date();
  const minutes = minutesLeft(tracking, body);
  if (minutes !== null) tracking.estimated_time = minutes;
  // Not awaited and not caught: a speed that is not a number ends the process here.
  void tracking.save();
  if (Number.isNaN(speed)) return;
  const state = tracking.avg_speed > 120 ? 'RED' : tracking.avg_speed > 80 ? 'ORANGE' : null;
  if (state) await Tracking.updateOne({ _id: tracking._id }, { $set: { state } });
  await TrackingHistory.create({
    ambulance_id: ambulance._id,
    locations: place,
    speed,
    heading: body.tracking_heading,
    count_datetime: new Date(),
  });
}

async function createTracking(ambulance, location, speed, body) {
  try {
    await Tracking.create({
      ambulance_id: ambulance._id,
      location,
      speed,
      // The average starts at 0, so the first average is half of the first speed.
      avg_speed: speed / 2,
      heading: body.tracking_heading,
      count_datetime: new Date(),
    });
  } catch {
    // Not stored; the failure is ignored.
  }
}

/** One frame to each of the two rooms: a panel in both gets it twice. */
async function tellWatchers(io, ambulance, tracking, body) {
  const requests = await AocRequest.find({ ambulance_id: ambulance._id });
  const open = requests.find(({ request_status: status }) => status !== 'COMPLETED' && status !== 'CANCELED');
  const frame = JSON.stringify({
    ...body,
    tracking_speed: kmh(body.tracking_speed),
    _id: ambulance._id,
    is_assign: open ? 1 : 0,
    type: 'TRACKING',
    request_type: open?.request_type ?? '',
    // The known facts do not say which value it has without a request or a destination.
    estimated_time: (open && tracking && minutesLeft(tracking, body)) ?? null,
  });
  io.to('tracking').emit('data', frame);
  io.to(String(ambulance._id)).emit('data', frame);
}

function minutesLeft({ destination_location: to }, body) {
  const speed = Number.parseFloat(body.tracking_speed);
  if (!to || !(speed > 0)) return null;
  const radians = (degrees) => (Number(degrees) * Math.PI) / 180;
  const [lat1, lat2] = [radians(body.tracking_latitude), radians(to.lat)];
  const dLon = radians(to.lon) - radians(body.tracking_longitude);
  const h = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin(dLon / 2) ** 2;
  return Math.round((2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(h))) / speed / 60);
}
