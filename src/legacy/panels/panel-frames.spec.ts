import { describe, expect, it } from '@jest/globals';
import { crashFrame, fieldsOfFix, snapFrame, trackingFrame } from './panel-frames.js';

const ID = '66f0c0ffee0123456789abcd';

describe('a frame of a position', () => {
  it('is the body, its speed where it stood, and the old keys behind it', () => {
    const frame = trackingFrame({ tracking_speed: '10', ambulance_id: 291, type: 'x' }, ID, null);
    expect(JSON.stringify(frame)).toBe(
      `{"tracking_speed":36,"ambulance_id":291,"type":"TRACKING","_id":"${ID}","is_assign":0,"request_type":"","estimated_time":null}`,
    );
  });

  it('says of a request what is known of it', () => {
    const frame = trackingFrame({}, ID, { requestType: 'EMERGENCY', estimatedMinutes: 7 });
    expect(frame).toMatchObject({
      is_assign: 1,
      request_type: 'EMERGENCY',
      estimated_time: 7,
      tracking_speed: null,
    });
  });

  it('of another way in has numbers, and null for what is not known', () => {
    const fix = { lat: 1, lon: 2, timeMs: 0 };
    expect(trackingFrame(fieldsOfFix('291', fix), ID, null)).toMatchObject({
      ambulance_id: '291',
      tracking_latitude: 1,
      tracking_longitude: 2,
      tracking_speed: null,
      tracking_heading: null,
    });
    expect(trackingFrame(fieldsOfFix('291', { ...fix, speedMps: 0 }), ID, null)).toHaveProperty(
      'tracking_speed',
      0,
    );
  });
});

it('a crash keeps what was sent with it', () => {
  expect(crashFrame({ tracking_speed: 20, more: 'x' })).toEqual({
    tracking_speed: 72,
    more: 'x',
    type: 'CRASH',
  });
});

it('pictures are numbered in the order in which they came', () => {
  expect(snapFrame({ ambulance_id: '291' }, ['a', 'b'])).toEqual({
    body: { ambulance_id: '291' },
    imagesObj: { image0: 'a', image1: 'b' },
  });
});
