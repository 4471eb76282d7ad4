import { brokenBody, textOf } from './request-body.js';

/** Limits of a JSON body. They bound the time of `JSON.parse`; a full batch with attributes of full size is within them. */
const LIMITS = {
  levels: 32,
  /** Objects and arrays: 660,000 empty objects fit into 2 MB and take half a second to parse. */
  containers: 20_000,
  /** 200 for each position of a full batch. */
  values: 100_000,
  fieldsPerObject: 1_000,
  /** The most expensive part of parsing: 160,000 different names fit into 2 MB and take 0.3 s. */
  names: 2_000,
} as const;

/** A smaller body passes without a scan, because it cannot be expensive. */
const CHEAP_BYTES = 2_048;
const NAME_BITS = 16;
/** Random, so that a sender cannot choose names with the same hash. Odd and large, so that similar names spread. */
const HASH_FACTOR = Math.floor(Math.random() * 2 ** 31) | 0x40000001;
/** The number of the last scan that saw a name, by its hash. Kept between scans: each would otherwise fill 64 kB anew. */
const SEEN_BY_SCAN = new Uint32Array(1 << NAME_BITS);
let scanNumber = 0;

/**
 * Parses a body that is a JSON object or array.
 * @throws UnreadableBodyError 400 when it is no JSON, or over the limits that bound the time of parsing
 */
export function parseJsonBody(body: Buffer): object {
  if (body.length === 0) return {};
  const excess = body.length > CHEAP_BYTES ? findExcess(body) : null;
  if (excess !== null) throw brokenBody(`The body has ${excess}.`);
  const value = parsed(textOf(body));
  if (typeof value !== 'object' || value === null)
    throw brokenBody('The body must be a JSON object or array.');
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw brokenBody(`The body is not JSON: ${(error as Error).message}`);
  }
}

/**
 * Counts what makes `JSON.parse` slow, in one pass over the bytes; 2 MB take about 5 ms. Text that is not JSON can pass:
 * `JSON.parse` refuses it.
 * @returns the limit that the body exceeds, as text; null when it is within all limits
 */
export function findExcess(body: Buffer): string | null {
  scanNumber = (scanNumber + 1) >>> 0;
  const fields = new Uint32Array(LIMITS.levels + 1);
  let [depth, containers, values, names, hash] = [0, 0, 0, 0, 0];
  const { length } = body;
  for (let at = 0; at < length; at += 1) {
    switch (body[at] as number) {
      case 0x22: // "
        hash = 0;
        for (at += 1; at < length && body[at] !== 0x22; at += 1) {
          if (body[at] === 0x5c) at += 1; // \
          hash = Math.imul(hash ^ (body[at] as number), HASH_FACTOR);
          // Without it, some factors give most of similar names the same hash.
          hash ^= hash >>> 15;
        }
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        containers += 1;
        values += 1;
        if (depth > LIMITS.levels) return `more than ${LIMITS.levels} levels`;
        if (containers > LIMITS.containers) return `more than ${LIMITS.containers} objects and arrays`;
        fields[depth] = 0;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        if (depth > 0) depth -= 1;
        break;
      case 0x2c: // ,
        values += 1;
        if (values > LIMITS.values) return `more than ${LIMITS.values} values`;
        break;
      case 0x3a: {
        // :
        const count = (fields[depth] as number) + 1;
        fields[depth] = count;
        if (count > LIMITS.fieldsPerObject) return `an object of more than ${LIMITS.fieldsPerObject} fields`;
        const slot = Math.imul(hash, HASH_FACTOR) >>> (32 - NAME_BITS);
        if (SEEN_BY_SCAN[slot] !== scanNumber) {
          SEEN_BY_SCAN[slot] = scanNumber;
          names += 1;
          if (names > LIMITS.names) return `more than ${LIMITS.names} different field names`;
        }
        break;
      }
    }
  }
  return null;
}
