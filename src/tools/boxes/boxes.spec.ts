import { describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { boxRequest, pythonText } from './box-requests.js';
import { prepareJpegs } from './numbered-jpegs.js';
import { numberOfLatitude, numberOfSpeed, NUMBERS, wireNumber, withNumber } from './wire-numbers.js';

const fix = { lat: 13.75, lon: 100.501812345, speedMps: 0, headingDeg: 271 };

describe('the requests of a box', () => {
  it.each([
    [0, '0.0'],
    [271, '271.0'],
    [13.7563, '13.7563'],
    [4.7e-5, '4.7e-05'],
    [5e-9, '5e-09'],
    [100.50181234567, '100.501812346'],
    [33.330_000_017, '33.330000017'],
  ])('%d is sent as %s', (value, text) => expect(pythonText(value)).toBe(text));

  it('has the fields of a position and of a crash', () => {
    const fields = { ambulance_id: '291', tracking_latitude: '13.75', tracking_longitude: '100.501812345' };
    const position = Object.fromEntries(new URLSearchParams(boxRequest.position('291', fix).body.toString()));
    expect(position).toMatchObject({ ...fields, ambulance_box_code: '291', tracking_speed: '0.0' });
    const crash = Object.fromEntries(new URLSearchParams(boxRequest.crash('291', fix).body.toString()));
    expect(crash).toMatchObject({ ...fields, tracking_heading: '271.0' });
    expect(crash).not.toHaveProperty('ambulance_box_code');
  });

  it('has the form of two cameras', async () => {
    const { body, headers } = boxRequest.pictures('291', 7, [Buffer.from('one'), Buffer.from('two')]);
    const form = await new Response(new Uint8Array(body), {
      headers: { 'content-type': String(headers['content-type']) },
    }).formData();
    expect([...form.keys()]).toEqual([
      'ID',
      'ambulance_id',
      'ambulance_box_code',
      'images_count',
      'Time',
      'CAM1',
      'CAM2',
    ]);
    expect([form.get('Time'), form.get('ambulance_id')]).toEqual(['7', '291']);
    const camera = form.get('CAM2') as File;
    expect([camera.name, camera.type, await camera.text()]).toEqual(['cam2.jpg', 'image/jpeg', 'two']);
    expect(headers['content-length']).toBe(body.length);
  });
});

describe('numbers in measured values', () => {
  it('come back from the text of a box, and from kilometres an hour', () => {
    for (const measured of [0, 0.01, 5, 13.37, 33.33])
      for (const number of [0, 1, 9_999, 1_234_567, NUMBERS.speed.count - 1]) {
        const sent = Number(pythonText(withNumber(measured, NUMBERS.speed, number)));
        expect([numberOfSpeed(sent), numberOfSpeed((sent * 3.6) / 3.6)]).toEqual([number, number]);
        expect(Math.abs(sent - measured)).toBeLessThan(0.011);
      }
    for (const number of [0, 1, 9_999])
      expect(numberOfLatitude(Number(pythonText(withNumber(50.123_456_7, NUMBERS.latitude, number))))).toBe(
        number,
      );
  });

  it('differ between runs', () => {
    const start = Date.UTC(2026, 0, 1);
    const last = wireNumber(start, 700, 99, NUMBERS.speed);
    expect(wireNumber(start + 70_000, 700, 0, NUMBERS.speed)).toBe(last + 1);
  });

  it.each([NaN, -1, Infinity])('%d has none', (value) => expect(numberOfSpeed(value)).toBeNull());
});

describe('prepareJpegs', () => {
  it('makes JPEGs of the size of a V4 box, each with other bytes, the same again for the same number', async () => {
    const jpegs = await prepareJpegs();
    const bytes = jpegs.jpeg('run', 3);
    expect(bytes.length).toBeGreaterThan(18_000);
    expect(bytes.length).toBeLessThan(21_000);
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'jpeg', width: 640, height: 360 });
    expect((await sharp(bytes, { failOn: 'warning' }).raw().toBuffer()).length).toBe(640 * 360 * 3);
    expect(jpegs.jpeg('run', 3).equals(bytes)).toBe(true);
    const hashes = Array.from({ length: 50 }, (_, n) => jpegs.sha256('run', n));
    expect(new Set([...hashes, jpegs.sha256('other', 3)]).size).toBe(51);
  });
});
