/**
 * Sequence numbers inside measured values. The servers store the speed of a position and the place of a crash, and no field
 * of ours, so the number is in digits of these values that no receiver measures.
 */
interface NumberedDigits {
  /** The value is measured in multiples of this. */
  readonly step: number;
  /** One of the sequence number. */
  readonly unit: number;
  /** Numbers are modulo this. */
  readonly count: number;
}

export const NUMBERS = {
  /** Metres per second: two measured decimals, then seven digits of the number. */
  speed: { step: 1e-2, unit: 1e-9, count: 1e7 },
  /** Degrees: five measured decimals (1 m), then four digits of the number. */
  latitude: { step: 1e-5, unit: 1e-9, count: 1e4 },
} as const satisfies Record<string, NumberedDigits>;

/** @param value not negative */
export function withNumber(value: number, { step, unit, count }: NumberedDigits, number: number): number {
  const units = Math.round(value / step) * Math.round(step / unit) + (number % count);
  return units * unit;
}

/**
 * The number on the wire of the n-th post. Two runs with the same interval never use the same ones, because a run that
 * starts later starts with a higher number.
 */
export function wireNumber(
  runStartMs: number,
  everyMs: number,
  n: number,
  { count }: NumberedDigits,
): number {
  return (Math.floor(runStartMs / everyMs) + n) % count;
}

/** @param speedMps metres per second, not rounded */
export function numberOfSpeed(speedMps: number): number | null {
  return numberIn(speedMps, NUMBERS.speed);
}

/** @param lat degrees, not rounded */
export function numberOfLatitude(lat: number): number | null {
  return numberIn(lat, NUMBERS.latitude);
}

function numberIn(value: number, { unit, count }: NumberedDigits): number | null {
  return Number.isFinite(value) && value >= 0 ? Math.round(value / unit) % count : null;
}
