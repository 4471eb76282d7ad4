import { type Command, InvalidArgumentError } from 'commander';
import { numberArgument, UsageError } from '../../core/commands/index.js';
import { addServiceOptions, type ServiceOptions } from '../service-options.js';
import type { PlaySpeed } from './plan.js';

export interface ReplayOptions extends ServiceOptions {
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
  readonly isJson: boolean;
  /** The user agrees to play to a live service. */
  readonly isConfirmed: boolean;
  /** Removes the vehicles of earlier runs and plays nothing. */
  readonly isClean: boolean;
}

/** The options as commander parses them. */
export interface ReplayArguments extends ServiceOptions {
  readonly asRecorded?: boolean;
  readonly speed?: PlaySpeed;
  readonly vehicles?: number;
  readonly batch: number;
  /** Seconds. */
  readonly patience: number;
  /** Seconds. */
  readonly duration?: number;
  readonly rate?: number;
  readonly seed?: number;
  readonly json: boolean;
  readonly yes: boolean;
  readonly clean: boolean;
}

const ONLY_TRACKS = { asRecorded: '--as-recorded' } as const;
const ONLY_SIMULATION = { duration: '--duration', rate: '--rate', seed: '--seed' } as const;
const DEFAULT_RATE_HZ = 1;
const DEFAULT_SEED = 1;
/** Without a terminal there is no Ctrl-C, so a simulation must end by itself. */
const UNATTENDED_DURATION_S = 60;

export function addReplayOptions(command: Command): Command {
  command
    .argument('[path]', 'a track file (.csv, .gpx, .geojson) or a folder of them (default: a simulation)')
    .option(
      '--as-recorded',
      'tracks: keep the recorded times and use one vehicle per file again, so that a second run yields only duplicates ' +
        '(default: any free vehicle of replay, and times shifted so that the last fix of each track is now)',
    )
    .option(
      '--speed <x|max>',
      '1 is real time, 10 is ten times as fast, max is as fast as the service acknowledges (default: max for tracks, 1 for ' +
        'the simulation)',
      parseSpeed,
    )
    .option(
      '--vehicles <n>',
      'vehicles on each track (default: 1), or simulated ambulances (default: 8)',
      numberArgument(1, 1_000),
    )
    .option('--batch <n>', 'maximum of positions in one request', numberArgument(1, 500), 100)
    .option(
      '--patience <s>',
      'give up on a vehicle after this time without an acknowledgement, seconds',
      numberArgument(1, 86_400, false),
      60,
    )
    .option(
      '--duration <s>',
      `simulation: its length in seconds (default: until Ctrl-C; ${UNATTENDED_DURATION_S} without a terminal)`,
      numberArgument(0.001, 31_536_000, false),
    )
    .option(
      '--rate <hz>',
      `simulation: fixes a second of each ambulance (default: ${DEFAULT_RATE_HZ})`,
      numberArgument(0.01, 50, false),
    )
    .option(
      '--seed <n>',
      `simulation: one seed always yields the same drives (default: ${DEFAULT_SEED})`,
      numberArgument(0, 0xffff_ffff),
    )
    .option('--yes', 'play to a live service (ENVIRONMENT=LIVE), too', false)
    .option('--clean', 'archive all vehicles that replay made, and play nothing', false)
    .option('--json', 'print one JSON object instead of a table', false);
  return addServiceOptions(command, 'who may create vehicles and device credentials');
}

function parseSpeed(text: string): PlaySpeed {
  if (text === 'max') return 'max';
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value > 0 && value <= 1_000_000)) throw new InvalidArgumentError('Give a number above 0, or max.');
  return value;
}

/**
 * Checks the options against each other and adds the defaults.
 * @param isTerminal whether a person can stop the simulation
 * @throws UsageError
 */
export function replayOptionsOf(
  path: string | undefined,
  { asRecorded, patience, duration, rate, seed, json, yes, clean, ...given }: ReplayArguments,
  isTerminal: boolean,
): ReplayOptions {
  const isSimulation = path === undefined;
  if (clean && !isSimulation) throw new UsageError('--clean plays nothing: give no path with it');
  const limited: Readonly<Record<string, unknown>> = { asRecorded, duration, rate, seed };
  const misplaced = Object.entries(isSimulation ? ONLY_TRACKS : ONLY_SIMULATION).find(
    ([name]) => limited[name] !== undefined,
  );
  if (misplaced)
    throw new UsageError(
      `${misplaced[1]} is for ${isSimulation ? 'recorded tracks' : 'the simulation'} only`,
    );
  const speed = given.speed ?? (isSimulation ? 1 : 'max');
  if (isSimulation && speed !== 1 && duration === undefined)
    throw new UsageError('a simulation that does not run in real time needs --duration');
  return {
    ...given,
    path,
    isAsRecorded: asRecorded ?? false,
    speed,
    vehicles: given.vehicles ?? (isSimulation ? 8 : 1),
    patienceMs: patience * 1_000,
    durationS: duration ?? (isSimulation && !isTerminal ? UNATTENDED_DURATION_S : undefined),
    rateHz: rate ?? DEFAULT_RATE_HZ,
    seed: seed ?? DEFAULT_SEED,
    isJson: json,
    isConfirmed: yes,
    isClean: clean,
  };
}
