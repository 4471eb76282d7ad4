import { beforeEach, describe, expect, it } from '@jest/globals';
import { Metrics } from '../metrics/metrics.js';
import { type BytesHold, InFlightBytes } from './in-flight-bytes.js';

let bytes: InFlightBytes;
let cut: string[];
beforeEach(() => {
  cut = [];
  bytes = new InFlightBytes({ limits: { inFlightBytes: 100, inFlightBytesPerCaller: 40 } }, new Metrics());
});
const open = (network: string): BytesHold => bytes.open(network, () => cut.push(network));

describe('InFlightBytes', () => {
  it('gives each caller its share, over all of its requests', () => {
    const [first, second] = [open('a'), open('a')];
    expect([first.add(30), second.add(10), second.add(1), open('b').add(40)]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    first.release();
    first.release();
    expect([second.add(30), bytes.heldBytes]).toEqual([true, 80]);
  });

  it('cuts the oldest request without a token above the limit of the process', () => {
    const oldest = open('a');
    oldest.add(40);
    open('b').add(40);
    const newest = open('c');
    expect([newest.add(20), newest.add(1), cut, bytes.heldBytes]).toEqual([true, true, ['a'], 61]);
    expect(oldest.add(41)).toBe(false);
  });

  it('never cuts a caller with a token, and refuses new bytes when all have one', () => {
    for (const name of ['a', 'b']) {
      const hold = open('same');
      expect(hold.add(20)).toBe(true);
      hold.identify(name);
      expect(hold.add(20)).toBe(true);
    }
    const third = open('same');
    third.add(20);
    third.identify('c');
    expect([third.add(1), cut, bytes.heldBytes]).toEqual([false, [], 100]);
    third.release();
    expect(bytes.heldBytes).toBe(80);
    expect([third.add(20), bytes.heldBytes]).toEqual([true, 100]);
  });

  it('refuses the request that adds when it is the oldest without a token', () => {
    const [first, second] = [open('a'), open('b')];
    first.add(30);
    for (const name of ['x', 'y']) {
      const hold = open(name);
      hold.identify(name);
      hold.add(35);
    }
    expect([first.add(5), cut, bytes.heldBytes, second.add(1)]).toEqual([false, [], 70, true]);
  });
});
