const MINUTE_MS = 60_000;
/** `00.000Z` */
const SECONDS_LENGTH = 7;

let lastMinute = NaN;
let lastMinuteText = '';

/**
 * The same text as `toISOString`, in a fifth of the time when the minute is that of the call before: positions are read
 * and published in the order of their times.
 * @param timeMs whole epoch milliseconds
 * @throws RangeError for a time that a `Date` cannot represent
 */
export function formatTime(timeMs: number): string {
  const minute = Math.floor(timeMs / MINUTE_MS);
  if (minute !== lastMinute) {
    lastMinuteText = new Date(minute * MINUTE_MS).toISOString().slice(0, -SECONDS_LENGTH);
    lastMinute = minute;
  }
  const restMs = timeMs - minute * MINUTE_MS;
  const second = Math.floor(restMs / 1_000);
  const ms = restMs - second * 1_000;
  return `${lastMinuteText}${second < 10 ? '0' : ''}${second}.${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`;
}
