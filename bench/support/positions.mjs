/** The positions of the benches: what a device sends, and how the service stores it (`src/tracking/position.schema.ts`). */
import { Buffer } from 'node:buffer';
import { mongo } from 'mongoose';

const DAY_MS = 86_400_000;
const SIGN_BIT = 1n << 63n;

/** A vehicle that drives in circles at city speed. Each fix is one second newer than the one before. */
export class Drive {
  #second = 0;

  /**
   * @param n number of the vehicle, so that not all are at one place
   * @param startMs time of the first fix. By default half a year ago: a closed loop sends many seconds of fixes in one
   *   second, and they must not get into the future
   */
  constructor(n, startMs = Date.now() - 180 * DAY_MS) {
    this.n = n;
    this.startMs = startMs;
  }

  /** @returns the next fix as JSON */
  next() {
    const second = this.#second;
    this.#second += 1;
    return this.at(second, this.startMs + second * 1_000);
  }

  /** @returns the fix of this moment as JSON, for a device that sends in real time */
  now(timeMs) {
    return this.at((timeMs - this.startMs) / 1_000, timeMs);
  }

  at(second, timeMs) {
    const lat = (48 + (this.n % 100) * 0.01 + Math.sin(second / 900) * 0.05).toFixed(6);
    const lon = (11 + (Math.floor(this.n / 100) % 100) * 0.01 + Math.cos(second / 700) * 0.08).toFixed(6);
    const heading = Math.floor(second) % 360;
    return `{"lat":${lat},"lon":${lon},"time":"${new Date(timeMs).toISOString()}","speedMps":13.9,"headingDeg":${heading},"accuracyM":4}`;
  }
}

/** The document of a parsed position, with the fields and the `_id` of the service. */
export function documentOf(vehicleId, position, receivedAt) {
  const { lat, lon, time, speedMps, headingDeg, accuracyM } = position;
  const at = new Date(time);
  return {
    _id: positionId(vehicleId, at.getTime()),
    vehicleId: new mongo.ObjectId(vehicleId),
    time: at,
    lat,
    lon,
    speedMps,
    headingDeg,
    accuracyM,
    receivedAt,
    recordedAt: receivedAt,
  };
}

/** Vehicle, then time; 20 bytes: `src/database/time-ordered-id.ts`. */
export function positionId(vehicleId, timeMs) {
  const id = Buffer.allocUnsafe(20);
  id.write(vehicleId, 0, 'hex');
  id.writeBigUInt64BE(BigInt(timeMs) + SIGN_BIT, 12);
  return id;
}

/** Stores `count` positions of one vehicle, one a second, past the service. @returns the time of the first one */
export async function fillHistory(collection, vehicleId, count, startMs = Date.now() - 170 * DAY_MS) {
  const drive = new Drive(0, startMs);
  const batch = 10_000;
  for (let done = 0; done < count; done += batch) {
    const documents = Array.from({ length: Math.min(batch, count - done) }, () => {
      const position = JSON.parse(drive.next());
      return documentOf(vehicleId, position, new Date(Date.parse(position.time) + 300));
    });
    await collection.insertMany(documents, { ordered: false });
  }
  return startMs;
}
