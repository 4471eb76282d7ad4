import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { adminToken, newVehicle } from '../support/http.js';
import { jpeg, upload } from '../support/pictures.js';
import { until } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';
import { createTestVolume, type TestVolume } from '../support/test-volume.js';

const UPLOADS_AT_ONCE = 4;

let volume: TestVolume;
let service: TestService;
const open: Socket[] = [];
beforeAll(async () => {
  volume = await createTestVolume();
  service = await startTestService({ ...volume.env, IMAGE_UPLOADS_AT_ONCE: String(UPLOADS_AT_ONCE) });
});
afterAll(async () => {
  open.forEach((socket) => socket.destroy());
  await service.stop();
  await volume.remove();
});

/** Begins an upload and sends nothing more. */
function beginSlowly(vehicleId: string, token: string): void {
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  const part = 'Content-Disposition: form-data; name="file"; filename="a.jpg"';
  socket.write(
    `POST /api/v1/vehicles/${vehicleId}/images HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n--b\r\n${part}\r\n\r\n`,
  );
  open.push(socket);
}

describe('slow uploads of one vehicle', () => {
  it('keep no slot that another vehicle needs', async () => {
    const admin = await adminToken(service);
    const [slow, other] = [await newVehicle(service, admin), await newVehicle(service, admin)];
    const send = async (vehicle: typeof slow, seed: number) =>
      upload(service, { vehicleId: vehicle.vehicleId, token: vehicle.deviceToken, bytes: await jpeg(seed) });
    await until(async () => {
      // An upload that is answered already found no free slot, because the one below had it.
      const waiting = open.filter(({ bytesRead }) => bytesRead === 0);
      if (waiting.length === UPLOADS_AT_ONCE) return (await send(slow, 1)).body.code === 'images/busy';
      beginSlowly(slow.vehicleId, slow.deviceToken);
      return false;
    }, 'no free slot');
    const waiting = open.filter(({ bytesRead }) => bytesRead === 0);
    expect((await send(other, 2)).status).toBe(201);
    await until(
      () => waiting.filter(({ destroyed }) => destroyed).length === 1,
      'the end of one slow upload',
    );
  });
});
