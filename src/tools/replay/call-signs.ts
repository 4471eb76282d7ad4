import { createHash } from 'node:crypto';

/** Longer names are cut and get a digest, so that they stay different. */
const MAX_CALL_SIGN = 32;

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

/** Begins the registration of every vehicle that `replay` makes. No licence plate looks like it. */
export const REPLAY_MARK = 'REPLAY-';

/** Unique where the call sign is, and the same at each run; at most 20 characters, the limit of the service. */
export function registrationFor(callSign: string): string {
  return `${REPLAY_MARK}${createHash('sha256').update(callSign).digest('hex').slice(0, 12).toUpperCase()}`;
}
