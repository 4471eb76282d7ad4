import { describe, expect, it, jest } from '@jest/globals';
import { EventBus, type RecordedPosition } from '../../core/index.js';
import type { BoxDirectory } from '../boxes/box-directory.js';
import type { OpenRequestsService } from '../open-requests/open-requests.service.js';
import type { PanelsService } from './panels.service.js';
import {
  crashFrame,
  legacyFieldsOf,
  PanelFramePublisher,
  snapFrame,
  trackingFrame,
} from './panel-frame-publisher.js';

const ID = '66f0c0ffee0123456789abcd';

describe('a frame of a position', () => {
  it('has the fields of the body, the speed in its place, and then the keys of the old server', () => {
    const frame = trackingFrame({ tracking_speed: '10', ambulance_id: 291, type: 'x' }, ID, null);
    expect(JSON.stringify(frame)).toBe(
      `{"tracking_speed":36,"ambulance_id":291,"type":"TRACKING","_id":"${ID}","is_assign":0,"request_type":"","estimated_time":0}`,
    );
  });

  it('has the data of an open request', () => {
    const frame = trackingFrame({}, ID, { requestType: 'EMERGENCY', estimatedMinutes: 7 });
    expect(frame).toMatchObject({
      is_assign: 1,
      request_type: 'EMERGENCY',
      estimated_time: 7,
      tracking_speed: null,
    });
  });

  it('from another source has numbers, and null for unknown values', () => {
    const fix = { lat: 1, lon: 2 };
    expect(trackingFrame(legacyFieldsOf('291', fix), ID, null)).toMatchObject({
      ambulance_id: '291',
      tracking_latitude: 1,
      tracking_longitude: 2,
      tracking_speed: null,
      tracking_heading: null,
    });
    expect(trackingFrame(legacyFieldsOf('291', { ...fix, speedMps: 0 }), ID, null)).toHaveProperty(
      'tracking_speed',
      0,
    );
  });
});

it('a crash frame keeps all fields of the body', () => {
  expect(crashFrame({ tracking_speed: 20, more: 'x' })).toEqual({
    tracking_speed: 72,
    more: 'x',
    type: 'CRASH',
  });
});

it('a snap frame numbers the pictures in the order of the request', () => {
  expect(snapFrame({ ambulance_id: '291' }, ['a', 'b'])).toEqual({
    body: { ambulance_id: '291' },
    imagesObj: { image0: 'a', image1: 'b' },
  });
});

describe('positions that waited in the spool', () => {
  it('are one frame a second with the fields of the newest; one that comes now is a frame at once', async () => {
    jest.useFakeTimers();
    const events = new EventBus();
    const places: unknown[] = [];
    const panels = {
      broadcast: (room: string, frame: { tracking_latitude: unknown }) =>
        void (room === 'tracking' && places.push(frame.tracking_latitude)),
    } as unknown as PanelsService;
    const boxes = { codeByVehicle: async () => new Map([[ID, '291']]) } as unknown as BoxDirectory;
    const requests = { requestOf: () => null } as unknown as OpenRequestsService;
    const nowMs = 1_800_000_000_000;
    new PanelFramePublisher(boxes, panels, requests, { nowMs: () => nowMs }, events);
    const recorded = (n: number, ageMs: number): RecordedPosition => {
      const originalFields = { ambulance_id: '291', tracking_latitude: `13.${n}`, tracking_speed: '1' };
      const atMs = nowMs - ageMs;
      const position = { vehicleId: ID, lat: 13, lon: 100, timeMs: atMs, receivedAtMs: atMs, originalFields };
      return { position, late: false, recordedAtMs: nowMs };
    };
    for (let n = 0; n < 50; n += 1) events.publish('position.recorded', [recorded(n, 60_000 - n * 1_000)]);
    expect(places).toEqual([]);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(places).toEqual(['13.49']);
    events.publish('position.recorded', [recorded(60, 100)]);
    expect(places).toEqual(['13.49', '13.60']);
    jest.useRealTimers();
  });
});
