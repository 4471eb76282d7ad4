import { parseArgs } from 'node:util';
import { UsageError } from '../exit-codes.js';
import type { VerifyMode } from './verify-files.js';

export const COMMANDS = ['scan', 'manifest', 'verify', 'backup', 'restore'] as const;
export type ImagesCommand = (typeof COMMANDS)[number];

export interface ImagesOptions {
  readonly command: ImagesCommand;
  /** The one that stands behind the command. */
  readonly directory: string | null;
  readonly manifest: string | null;
  readonly mode: VerifyMode;
  readonly usesDatabase: boolean;
  readonly to: string | null;
  readonly isReplacing: boolean;
  readonly threads: number | undefined;
  readonly report: string | null;
  readonly isJson: boolean;
}

/** @throws UsageError */
export function parseOptions(argv: readonly string[], today: string): ImagesOptions | 'help' {
  const { values, positionals } = parse(argv);
  if (values.help === true) return 'help';
  const [name, directory, ...rest] = positionals;
  const command = COMMANDS.find((each) => each === name);
  if (!command) throw new UsageError(`the command must be one of ${COMMANDS.join(', ')}`);
  if (rest.length > 0) throw new UsageError(`one directory, not ${rest.length + 1}`);
  if (directory === undefined && (command === 'backup' || command === 'restore'))
    throw new UsageError(`${command} wants a directory`);
  return {
    command,
    directory: directory ?? null,
    manifest: values.manifest ?? null,
    mode: modeOf(values, today),
    usesDatabase: values['no-database'] !== true,
    to: values.to ?? null,
    isReplacing: values.replace === true,
    threads: values.threads === undefined ? undefined : numberOf('threads', values.threads, 1, 64),
    report: values.report ?? null,
    isJson: values.json === true,
  };
}

type Values = ReturnType<typeof parse>['values'];

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        manifest: { type: 'string' },
        quick: { type: 'boolean' },
        sample: { type: 'string' },
        full: { type: 'boolean' },
        'no-database': { type: 'boolean' },
        to: { type: 'string' },
        replace: { type: 'boolean' },
        threads: { type: 'string' },
        report: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** @param today the seed of a sample: a share a day sees all of them in time */
function modeOf({ quick, sample, full }: Values, today: string): VerifyMode {
  if ([quick, sample !== undefined, full].filter(Boolean).length > 1)
    throw new UsageError('one of --quick, --sample and --full');
  if (quick) return { kind: 'quick' };
  if (sample === undefined) return { kind: 'full' };
  return { kind: 'sample', percent: numberOf('sample', sample, 0.01, 100), seed: today };
}

function numberOf(flag: string, text: string, low: number, high: number): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= low && value <= high))
    throw new UsageError(`--${flag} wants a number from ${low} to ${high}`);
  return value;
}
