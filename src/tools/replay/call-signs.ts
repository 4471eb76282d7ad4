import { createHash } from 'node:crypto';

/** Longer names are cut and get a digest, so that they stay different. */
const MAX_CALL_SIGN = 32;

/** `RPL-<time in base 36>-<n>`: new at each run. */
export function freshCallSign(prefix: 'RPL' | 'SIM', plannedAtMs: number, number: number): string {
  return `${prefix}-${plannedAtMs.toString(36).toUpperCase()}-${number}`;
}

/**
 * `REC-<file name>`, the same at each run; the second and further vehicles of a track end in `-V2`, `-V3`.
 * @param vehicle from 1
 */
export function recordedCallSign(name: string, vehicle: number): string {
  const ending = vehicle === 1 ? '' : `-V${vehicle}`;
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  const room = MAX_CALL_SIGN - 'REC-'.length - ending.length;
  if (plain !== '' && plain.length <= room) return `REC-${plain}${ending}`;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 6).toUpperCase();
  return `REC-${`${plain.slice(0, room - 7)}-${digest}`.replace(/^-/, '')}${ending}`;
}

/** Limit of the service. A longer call sign is replaced by its digest, which is the same at each run. */
const MAX_REGISTRATION = 20;

/** Unique where the call sign is. */
export function registrationFor(callSign: string): string {
  if (callSign.length <= MAX_REGISTRATION) return callSign;
  return `REC-${createHash('sha256').update(callSign).digest('hex').slice(0, 12).toUpperCase()}`;
}
