/** The command line of a watch. */
import { parseArgs } from 'node:util';
import { DEFAULT_SOCKET_URL, DEFAULT_URL, numberOption, originOption, UsageError } from '../client/index.js';

export type Bbox = readonly [west: number, south: number, east: number, north: number];

export interface WatchCommandOptions {
  /** Beginnings of call signs, lower case; none: every vehicle. */
  readonly prefixes: readonly string[];
  readonly bbox?: Bbox;
  readonly rows?: number;
  readonly seconds?: number;
  readonly url: string;
  readonly socketUrl: string;
  readonly email?: string;
  readonly password?: string;
}

const FLAGS = {
  vehicle: { type: 'string', multiple: true },
  bbox: { type: 'string' },
  rows: { type: 'string' },
  seconds: { type: 'string' },
  url: { type: 'string' },
  'socket-url': { type: 'string' },
  email: { type: 'string' },
  password: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function parseOptions(argv: readonly string[]): WatchCommandOptions | 'help' {
  const values = parse(argv);
  if (values.help) return 'help';
  const { vehicle = [], bbox, rows, seconds, email, password } = values;
  if (vehicle.includes('')) throw new UsageError('--vehicle wants the beginning of a call sign');
  return {
    prefixes: vehicle.map((prefix) => prefix.toLowerCase()),
    bbox: bbox === undefined ? undefined : bboxOf(bbox),
    rows: rows === undefined ? undefined : numberOption('rows', rows, 1, 10_000),
    seconds: seconds === undefined ? undefined : numberOption('seconds', seconds, 0.1, 31_536_000, false),
    url: originOption('url', values.url ?? DEFAULT_URL),
    socketUrl: originOption('socket-url', values['socket-url'] ?? DEFAULT_SOCKET_URL),
    email,
    password,
  };
}

// No return type: the parser's own says which flag may be repeated.
function parse(argv: readonly string[]) {
  try {
    // `--bbox -1,50,1,52` would be taken for an option of its own.
    const joined = argv.flatMap((word, index) =>
      argv[index - 1] === '--bbox' ? [] : word === '--bbox' ? [`--bbox=${argv[index + 1] ?? ''}`] : [word],
    );
    return parseArgs({ args: joined, options: FLAGS, strict: true }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function bboxOf(text: string): Bbox {
  const [west, south, east, north, ...rest] = text
    .split(',')
    .map((part) => (part.trim() === '' ? NaN : Number(part)));
  const isBox =
    isWithin(west, 180) &&
    isWithin(east, 180) &&
    isWithin(south, 90) &&
    isWithin(north, 90) &&
    south <= north &&
    rest.length === 0;
  if (!isBox) throw new UsageError('--bbox wants west,south,east,north in degrees');
  return [west, south, east, north];
}

function isWithin(value: number | undefined, limit: number): value is number {
  return value !== undefined && Math.abs(value) <= limit;
}
