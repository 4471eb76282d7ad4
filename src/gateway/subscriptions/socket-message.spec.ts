import { expect, it } from '@jest/globals';
import { EventBus, type Position } from '../../core/index.js';
import { LatestPositions } from '../../tracking/index.js';
import { FrameItem } from './frame-item.js';
import type { LiveMessage } from './live-event.js';
import { socketMessageOf } from './socket-message.js';

const position: Position = {
  vehicleId: '66f0c0ffee0123456789abcd',
  lat: 48,
  lon: 11.5,
  timeMs: 1_000,
  receivedAtMs: 2_000,
  attributes: { note: 'ü', nested: [1, null] },
  originalFields: { secret: 1 },
};
const latest = new LatestPositions(new EventBus());
const item = new FrameItem({ position, late: true, recordedAtMs: 2_000 }, latest);
const view = {
  lat: 48,
  lon: 11.5,
  attributes: position.attributes,
  time: '1970-01-01T00:00:01.000Z',
  receivedAt: '1970-01-01T00:00:02.000Z',
};
const plain = { vehicleId: position.vehicleId, position: view, late: true };

/** The payload of an unmasked WebSocket frame of text, RFC 6455. */
function payloadOf(frame: Buffer): string {
  expect(frame[0]).toBe(0x81);
  const [, length = 0] = frame;
  const [start, size] =
    length < 126
      ? [2, length]
      : length === 126
        ? [4, frame.readUInt16BE(2)]
        : [10, Number(frame.readBigUInt64BE(2))];
  expect(frame.length).toBe(start + size);
  return frame.toString('utf8', start);
}

it.each([0, 1, 100, 1_000])('a message of %d items is the same text in both formats', (count) => {
  const message: LiveMessage = ['positions', { cursor: 'tx', items: Array(count).fill(item) }];
  const { text, options } = socketMessageOf(message);
  const items = Array(count).fill(plain);
  expect(text.startsWith('2/live,["positions",')).toBe(true);
  expect(JSON.parse(text.slice('2/live,'.length))).toEqual(['positions', { cursor: 'tx', items }]);
  expect(payloadOf(options.wsPreEncodedFrame[0] as Buffer)).toBe(`4${text}`);
  expect(socketMessageOf(message).options).toBe(options);
});

it('a message of another event is its JSON', () => {
  expect(socketMessageOf(['left', { vehicleId: 'a' }]).text).toBe('2/live,["left",{"vehicleId":"a"}]');
});
