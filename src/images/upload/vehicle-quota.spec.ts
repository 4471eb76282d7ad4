import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Settings } from '../../config/index.js';
import { EventBus } from '../../core/index.js';
import type { ImageTotalsService } from '../totals/image-totals.service.js';
import { VehicleQuota } from './vehicle-quota.js';

const VEHICLE = '66f0c0ffee0123456789abcd';
const EXCEEDED = { code: 'images/quota-exceeded' };

let storedBytes: number;
let sums: number;
let nowMs: number;
let events: EventBus;
let quota: VehicleQuota;
beforeEach(() => {
  storedBytes = 0;
  sums = 0;
  nowMs = 1_000_000;
  events = new EventBus();
  const uploadBytesOf = async (): Promise<number> => {
    sums += 1;
    return storedBytes;
  };
  quota = new VehicleQuota(
    { uploadBytesOf } as unknown as ImageTotalsService,
    { images: { vehicleQuotaBytes: 100 } } as unknown as Settings,
    { nowMs: () => nowMs },
    events,
  );
});

const changed = (sizeBytes: number): void =>
  events.publish('vehicle.image-bytes-changed', { vehicleId: VEHICLE, sizeBytes });

describe('the quota of a vehicle', () => {
  it('counts stored and deleted images without reading the sum again', async () => {
    await quota.assertQuota(VEHICLE, 100);
    changed(60);
    await expect(quota.assertQuota(VEHICLE, 41)).rejects.toMatchObject(EXCEEDED);
    await quota.assertQuota(VEHICLE, 40);
    changed(-60);
    await quota.assertQuota(VEHICLE, 100);
    expect(sums).toBe(1);
  });

  it('counts the images of other instances, and reads the sum when it missed some', async () => {
    await quota.assertQuota(VEHICLE, 1);
    events.publishForwarded('vehicle.image-bytes-changed', { vehicleId: VEHICLE, sizeBytes: 60 });
    await expect(quota.assertQuota(VEHICLE, 41)).rejects.toMatchObject(EXCEEDED);
    storedBytes = 80;
    await events.publishAndWait('cluster.events-missed', { reason: 'joined' });
    await expect(quota.assertQuota(VEHICLE, 21)).rejects.toMatchObject(EXCEEDED);
    expect(sums).toBe(2);
  });

  it('reads the sum again after five minutes, because without Redis other instances store unknown images', async () => {
    await quota.assertQuota(VEHICLE, 1);
    storedBytes = 100;
    nowMs += 299_000;
    await quota.assertQuota(VEHICLE, 1);
    nowMs += 2_000;
    await expect(quota.assertQuota(VEHICLE, 1)).rejects.toMatchObject(EXCEEDED);
    expect(sums).toBe(2);
  });
});
