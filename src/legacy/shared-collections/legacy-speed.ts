const KMH_PER_MPS = 3.6;

export function kmhOf(speedMps: number): number {
  return speedMps * KMH_PER_MPS;
}

/** `speed` of `ambulance_trackings`: km/h rounded up; 0 for a standing vehicle, whose receiver reports up to 1 km/h. */
export function trackingSpeedKmh(speedMps: number): number {
  const kmh = kmhOf(speedMps);
  return kmh <= 1 ? 0 : Math.ceil(kmh);
}

export function twoDecimals(value: number): number {
  return Math.round(value * 100) / 100;
}
