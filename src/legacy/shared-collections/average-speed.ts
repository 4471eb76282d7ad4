/** km/h, rounded up, as the old server stored it. */
export function roundedUpKmh(speedMps: number): number {
  return Math.ceil(speedMps * 3.6);
}

export type SpeedState = 'GREEN' | 'ORANGE' | 'RED';

/**
 * By the average speed. ORANGE, which the old schema does not list, is what every reader has seen until now; unlike the
 * old server this one comes back to GREEN.
 */
export function speedState(avgKmh: number): SpeedState {
  if (avgKmh > 120) return 'RED';
  return avgKmh > 80 ? 'ORANGE' : 'GREEN';
}

/** Half of what was and half of what is; the first speed is the first average (the old server halved it). */
export function nextAverageKmh(averageKmh: number | null, speedKmh: number): number {
  return averageKmh === null ? speedKmh : (averageKmh + speedKmh) / 2;
}
