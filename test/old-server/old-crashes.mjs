/** `POST /api/crash/postAmbulanceCrashNotify`: answers, stores, sends to panels; then the process ends. */
import { get } from 'node:https';
import { Crash } from './old-models.mjs';
import { ambulanceOf, kmh, twoDecimals } from './old-trackings.mjs';

export async function takeCrash(io, request, response) {
  const { body } = request;
  const ambulance = await ambulanceOf(body);
  if (!ambulance) return response.status(201).json({ message: 'Ambulance not found.' });
  response.status(200).end();
  const crash = await Crash.create({
    ambulance_id: ambulance._id,
    location: { lat: body.tracking_latitude, lon: body.tracking_longitude },
    speed: twoDecimals(kmh(body.tracking_speed)),
    // A text: a box without a fix sends "nan".
    heading: body.tracking_heading,
  }).catch(() => null);
  // A report whose place or speed is "nan" is not stored, and no panel gets a frame of it.
  if (!crash) return;
  const notify = { ambulance_crashes_id: crash._id, type: 'CRASH_NOTIFY' };
  io.to(`CRASH_NOTIFY_${ambulance._id}`).emit('data', JSON.stringify(notify));
  const frame = { ...body, tracking_speed: kmh(body.tracking_speed), type: 'CRASH' };
  io.to('crash').emit('data', JSON.stringify(frame));
  // The map request has no address, so it goes to localhost:443; its failure is not caught.
  get({ path: '/maps/api/geocode/json' });
}
