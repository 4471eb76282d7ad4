/** https://github.com/socketio/engine.io-protocol: separates the packets of a polling body. */
const PACKET_SEPARATOR = '\x1e';
/** `JSON.parse` of a smaller message takes less than 10 ms, whatever it contains. */
const CHECKED_LENGTH = 64_000;
/** A batch of 500 positions with full attributes has fewer than 40,000. */
const MAX_JSON_VALUES = 100_000;
/** A longer message counts as several events. */
const EVENT_LENGTH = 4_096;

/** Whether a polling body holds more packets than `max`; does not split it. */
export function hasMorePackets(payload: string, max: number): boolean {
  let count = 1;
  for (let at = payload.indexOf(PACKET_SEPARATOR); at >= 0; at = payload.indexOf(PACKET_SEPARATOR, at + 1)) {
    count += 1;
    if (count > max) return true;
  }
  return false;
}

/** The number of events that a message counts as. */
export function eventCost(message: string): number {
  return 1 + Math.floor(message.length / EVENT_LENGTH);
}

/**
 * Whether `JSON.parse` of the message would block the event loop: 2 MB of nested arrays take 250 ms. Counts the commas and
 * brackets, in texts too, which is faster than parsing.
 */
export function isExpensiveJson(message: string): boolean {
  if (message.length <= CHECKED_LENGTH) return false;
  let values = 0;
  for (let n = 0; n < message.length; n += 1) {
    const code = message.charCodeAt(n);
    // , [ {
    if (code === 44 || code === 91 || code === 123) values += 1;
  }
  return values > MAX_JSON_VALUES;
}
