import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DecoderService } from '../../src/images/decoder/decoder.service.js';
import { adminToken, newVehicle } from '../support/http.js';
import { jpeg, upload } from '../support/pictures.js';
import { until } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';
import { createTestVolume, type TestVolume } from '../support/test-volume.js';

let volume: TestVolume;
let service: TestService;
let token: string;
beforeAll(async () => {
  volume = await createTestVolume();
  const env = { ...volume.env, IMAGE_DECODER_MEMORY_MB: '128', IMAGE_MAX_PIXELS: '400000000' };
  service = await startTestService(env);
  token = await adminToken(service);
});
afterAll(async () => {
  await service.stop();
  await volume.remove();
});

describe('the decoder', () => {
  it('is replaced without an effect on the service, when it exceeds its memory limit and when it is killed', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const sent = { vehicleId, token: deviceToken };
    const decoder = service.service.app.get(DecoderService);
    expect((await upload(service, { ...sent, bytes: await jpeg(1) })).status).toBe(201);
    const first = decoder.pid;
    expect(first).not.toBeNull();
    // A small file that is a large picture: an AVIF is always decoded whole.
    const { default: sharp } = await import('sharp');
    const flat = sharp({
      create: { width: 12_000, height: 9_000, channels: 3, background: 'red' },
      limitInputPixels: false,
    });
    // Padded, because an image with too few bytes for its pixels is refused before it is decoded.
    const padding = Buffer.alloc(200_000);
    padding.writeUInt32BE(padding.length, 0);
    padding.write('free', 4);
    const bytes = Buffer.concat([await flat.avif({ effort: 0, quality: 1 }).toBuffer(), padding]);
    expect(bytes.length).toBeLessThan(500_000);
    expect(await upload(service, { ...sent, bytes })).toMatchObject({
      status: 400,
      body: { code: 'images/damaged' },
    });
    expect(decoder.pid).not.toBe(first);
    expect((await upload(service, { ...sent, bytes: await jpeg(2) })).status).toBe(201);
    process.kill(decoder.pid ?? 0, 'SIGKILL');
    await until(() => decoder.pid === null);
    expect((await upload(service, { ...sent, bytes: await jpeg(3) })).status).toBe(201);
  });
});
