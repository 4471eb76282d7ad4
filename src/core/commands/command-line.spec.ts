import { describe, expect, it } from '@jest/globals';
import { numberArgument } from './arguments.js';
import { CommandError, InterruptedError, UnavailableError, UsageError } from './command.errors.js';
import { type CommandEntry, runCommandLine } from './command-line.js';
import { EXIT_CODES } from './exit-codes.js';
import { printable } from './printable.js';

async function run(
  argv: readonly string[],
  work: (days: number) => void = () => undefined,
  signal = new AbortController().signal,
): Promise<{ exitCode: number; out: string; err: string; loaded: readonly string[] }> {
  const written = { out: '', err: '' };
  const loaded: string[] = [];
  const entry = (name: string): CommandEntry => ({
    name,
    summary: `summary of ${name}`,
    load: async () => {
      loaded.push(name);
      return (command, io, setExitCode) => {
        if (name === 'group') command.command('inner').action(() => setExitCode(EXIT_CODES.OK));
        else
          command
            .description(`description of ${name}`)
            .option('--days <n>', 'days', numberArgument(1, 9), 3)
            .action(({ days }: { readonly days: number }) => {
              work(days);
              io.stdout.write(`days ${days}\n`);
              setExitCode(EXIT_CODES.FAILURE);
            });
      };
    },
  });
  const exitCode = await runCommandLine(
    argv,
    {
      env: {},
      stdout: { write: (text) => (written.out += text) },
      stderr: { write: (text) => (written.err += text) },
      signal,
    },
    [entry('one'), entry('two'), entry('group')],
  );
  return { exitCode, ...written, loaded };
}

const throwing = (error: Error) => (): never => {
  throw error;
};

describe('runCommandLine', () => {
  it('gives the exit code of the action and loads only its command', async () => {
    expect(await run(['one'])).toEqual({ exitCode: 1, out: 'days 3\n', err: '', loaded: ['one'] });
    expect((await run(['two', '--days', '5'])).out).toBe('days 5\n');
  });

  it('lists the commands and loads none of them', async () => {
    const { exitCode, out, err, loaded } = await run(['--help']);
    expect([exitCode, err, loaded]).toEqual([0, '', []]);
    expect(out).toMatch(/one +summary of one\n +two +summary of two/);
  });

  it.each([[['one', '--help']], [['one', '-h']]])('%j explains the command', async (argv) => {
    const { exitCode, out } = await run(argv);
    expect(exitCode).toBe(0);
    expect(out).toContain('description of one');
    expect(out).toContain('--days <n>');
  });

  it.each([
    [[]],
    [['three']],
    [['one', 'more']],
    [['one', '--days', '0']],
    [['one', '--days', '1.5']],
    [['one', '--days', '']],
    [['one', '--days']],
    [['one', '--nothing']],
    [['group']],
    [['group', 'outer']],
    [['--version']],
  ])('%j is wrong usage', async (argv) => {
    const { exitCode, out, err } = await run(argv);
    expect([exitCode, out]).toEqual([64, '']);
    expect(err).toContain('--help');
  });

  it.each<[Error, number, string]>([
    [new UsageError('wrong'), 64, 'wrong (see --help)\n'],
    [new UnavailableError('no database'), 69, 'no database\n'],
    [new CommandError('settings', EXIT_CODES.CONFIG), 78, 'settings\n'],
    [new InterruptedError(), 130, ''],
    [new Error('two\nlines\u001b[31m'), 1, 'two\nlines?[31m\n'],
  ])('prints %s and maps it to an exit code', async (error, exitCode, err) => {
    expect(await run(['one'], throwing(error))).toMatchObject({ exitCode, out: '', err });
  });

  it('maps an error after an interruption to 130', async () => {
    const result = await run(['one'], throwing(new Error('socket closed')), AbortSignal.abort());
    expect(result.exitCode).toBe(130);
  });
});

describe('printable', () => {
  it('replaces control characters', () => expect(printable('a\u001b[31m\nb')).toBe('a?[31m?b'));
});
