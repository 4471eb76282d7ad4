/** `…/<year>/<month>/<day>/<hour>_<minute>/<minute>_<second>_<4 digits>.<ending>`, without leading zeros. */
const PATH = /\/(\d{4})\/(\d{1,2})\/(\d{1,2})\/(\d{1,2})_(\d{1,2})\/\d{1,2}_(\d{1,2})_\d+\.[^/]*$/;

/**
 * When the old server took a picture: its name has the local time, to the second. The documents do not have it: a history is
 * written when the next post replaces it.
 * @param timeZone IANA name of the zone of the old server's machine
 * @returns epoch milliseconds; null for a path without a time
 */
export function oldPictureTimeMs(path: string, timeZone: string): number | null {
  const parts = PATH.exec(path)?.slice(1).map(Number);
  if (!parts) return null;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
  const wallMs = Date.UTC(year, month - 1, day, hour, minute, second);
  // The offset of the true instant, which differs from that of the wall time only around a change of the clocks.
  const guessMs = wallMs - offsetMs(wallMs, timeZone);
  return wallMs - offsetMs(guessMs, timeZone);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function offsetMs(atMs: number, timeZone: string): number {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  formats.set(timeZone, format);
  const part = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(atMs / 1_000) * 1_000;
}
