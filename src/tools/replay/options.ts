/** The command line of a run. */
import { parseArgs } from 'node:util';
import { DEFAULT_SOCKET_URL, DEFAULT_URL, numberOption, originOption, UsageError } from '../client/index.js';
import type { PlaySpeed } from './plan.js';

export interface ReplayOptions {
  /** File or folder; absent: the simulation. */
  readonly path?: string;
  readonly isAsRecorded: boolean;
  readonly speed: PlaySpeed;
  readonly vehicles: number;
  readonly batch: number;
  readonly patienceMs: number;
  readonly durationS?: number;
  readonly rateHz: number;
  readonly seed: number;
  readonly url: string;
  readonly socketUrl: string;
  readonly email?: string;
  readonly password?: string;
  readonly isJson: boolean;
}

const FLAGS = {
  'as-recorded': { type: 'boolean' },
  speed: { type: 'string' },
  vehicles: { type: 'string' },
  batch: { type: 'string' },
  patience: { type: 'string' },
  duration: { type: 'string' },
  rate: { type: 'string' },
  seed: { type: 'string' },
  url: { type: 'string' },
  'socket-url': { type: 'string' },
  email: { type: 'string' },
  password: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Flag = keyof typeof FLAGS;
const ONLY_TRACKS: readonly Flag[] = ['as-recorded'];
const ONLY_SIMULATION: readonly Flag[] = ['duration', 'rate', 'seed'];

/** Outside a terminal nobody presses Ctrl-C. */
const UNATTENDED_DURATION_S = 60;

/**
 * @param isTerminal whether somebody looks on and can stop a simulation
 * @throws UsageError
 */
export function parseOptions(argv: readonly string[], isTerminal: boolean): ReplayOptions | 'help' {
  const { values, positionals } = parse(argv);
  if (values.help) return 'help';
  const [path, second] = positionals;
  if (second !== undefined) throw new UsageError(`one file or folder at a time: "${second}" is a second one`);
  const isSimulation = path === undefined;
  for (const flag of isSimulation ? ONLY_TRACKS : ONLY_SIMULATION)
    if (values[flag] !== undefined)
      throw new UsageError(`--${flag} is for ${isSimulation ? 'recorded tracks' : 'the simulation'} only`);

  const number = (flag: Flag, fallback: number, low: number, high: number, isWhole = true): number => {
    const text = values[flag];
    return text === undefined ? fallback : numberOption(flag, String(text), low, high, isWhole);
  };
  const speed = speedOf(values.speed, isSimulation);
  const hasDuration = values.duration !== undefined;
  const durationS = hasDuration ? number('duration', 0, 0.001, 31_536_000, false) : undefined;
  if (isSimulation && speed !== 1 && !hasDuration)
    throw new UsageError('a simulation at another speed than real time needs --duration');
  return {
    path,
    isAsRecorded: values['as-recorded'] ?? false,
    speed,
    vehicles: number('vehicles', isSimulation ? 8 : 1, 1, 1000),
    batch: number('batch', 100, 1, 500),
    patienceMs: number('patience', 60, 1, 86_400, false) * 1000,
    durationS: durationS ?? (isSimulation && !isTerminal ? UNATTENDED_DURATION_S : undefined),
    rateHz: number('rate', 1, 0.01, 50, false),
    seed: number('seed', 1, 0, 0xffff_ffff),
    url: originOption('url', values.url ?? DEFAULT_URL),
    socketUrl: originOption('socket-url', values['socket-url'] ?? DEFAULT_SOCKET_URL),
    email: values.email,
    password: values.password,
    isJson: values.json ?? false,
  };
}

// No return type: the parser's own says which flag is text and which is a switch.
function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: FLAGS, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function speedOf(text: string | undefined, isSimulation: boolean): PlaySpeed {
  if (text === 'max') return 'max';
  if (text === undefined) return isSimulation ? 1 : 'max';
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value > 0 && value <= 1_000_000)) throw new UsageError('--speed wants a number over 0, or max');
  return value;
}
