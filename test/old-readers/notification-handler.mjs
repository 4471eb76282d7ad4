/**
 * The operators' API: `POST /api/notification/postAmbulanceSpeedNotification`, with the faults that a sender can see. A body that
 * it cannot handle ends the process: nothing catches the rejection. Each push is one line `push <type> <box code>` on stdout.
 */
import express from 'express-4';
import mongoose from 'mongoose-6';

const { HANDLER_PORT, HANDLER_MONGODB_URL } = process.env;
const PUSHED = new Set([
  'SPEED_ABOVE_80',
  'SPEED_BELOW_80',
  'SPEED_ABOVE_120',
  'SPEED_BELOW_120',
  'AMBULACNE_NEAR_ABOUT_SCENE',
  'AMBULANCE_TRACKING_STATUS_ONLINE',
  'AMBULANCE_TRACKING_STATUS_OFFLINE',
]);

const app = express();
app.use(express.json());
app.post('/api/notification/postAmbulanceSpeedNotification', (request, response) => {
  // Throws for anything but an ObjectId; Express answers 500.
  const id = new mongoose.Types.ObjectId(request.body.ambulance_id);
  void handle(id, request.body.notification_type, response);
});

/** `aoc_request_id` is not read. */
async function handle(id, type, response) {
  const [joined] = await join(id);
  // Without an ambulance this is a TypeError.
  const { ambulance, users } = joined;
  for (const user of PUSHED.has(type) ? users : []) {
    // A user without a language is a TypeError.
    user.language.toLowerCase();
  }
  if (PUSHED.has(type)) console.log(`push ${type} ${ambulance.code}`);
  response.json({ data: [joined] });
}

async function join(id) {
  const find = (collection, filter) => mongoose.connection.collection(collection).find(filter).toArray();
  const ambulances = await find('ambulances', { _id: id });
  return Promise.all(
    ambulances.map(async ({ ambulance_box_code: code, hospital_id: hospitalId }) => {
      const [tracking] = await find('ambulance_trackings', { ambulance_id: id });
      const requests = await find('aoc_requests', { ambulance_id: id });
      // The real name of this collection is not known.
      const users = await find('hospital_users', { hospital_id: hospitalId ?? 'none' });
      const [speed, minutes] = [toInt(tracking?.speed), toInt(tracking?.estimated_time)];
      const isOpen = ({ request_status: status }) => status !== 'COMPLETED' && status !== 'CANCELED';
      return { ambulance: { id, code: toInt(code) }, speed, minutes, request: requests.find(isOpen), users };
    }),
  );
}

/** `$toInt`: fails for text that is no whole number, and for a number that does not fit 32 bits. */
function toInt(value) {
  if (value === undefined || value === null) return null;
  const number = typeof value === 'string' && !/^[+-]?\d+$/.test(value) ? NaN : Math.trunc(Number(value));
  if (!(Math.abs(number) <= 0x7fff_ffff)) throw new Error(`Failed to parse number '${value}' in $convert`);
  return number;
}

mongoose.set('strictQuery', false);
await mongoose.connect(HANDLER_MONGODB_URL, { autoIndex: false, autoCreate: false });
await new Promise((settle) => app.listen(Number(HANDLER_PORT), '127.0.0.1', settle));
console.log('the handler is up');
