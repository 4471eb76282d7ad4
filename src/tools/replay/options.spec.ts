import { describe, expect, it } from '@jest/globals';
import { runCommandLine } from '../../core/commands/index.js';
import { addReplayOptions, type ReplayArguments, type ReplayOptions, replayOptionsOf } from './options.js';

interface Parsed {
  readonly exitCode: number;
  readonly error: string;
  readonly options: ReplayOptions | null;
}

async function parse(argv: readonly string[], isTerminal: boolean): Promise<Parsed> {
  let options: ReplayOptions | null = null;
  let error = '';
  const exitCode = await runCommandLine(
    ['replay', ...argv],
    {
      env: {},
      stdout: { write: () => true },
      stderr: { write: (text) => (error += text) },
      signal: new AbortController().signal,
    },
    [
      {
        name: 'replay',
        summary: '',
        load: async () => (command) => {
          addReplayOptions(command).action((path: string | undefined, given: ReplayArguments) => {
            options = replayOptionsOf(path, given, isTerminal);
          });
        },
      },
    ],
  );
  return { exitCode, error, options };
}

describe('replayOptionsOf', () => {
  it('has a default for every option', async () => {
    expect((await parse(['a.csv'], true)).options).toEqual({
      path: 'a.csv',
      isAsRecorded: false,
      isClean: false,
      isConfirmed: false,
      speed: 'max',
      vehicles: 1,
      batch: 100,
      patienceMs: 60_000,
      rateHz: 1,
      seed: 1,
      url: 'http://127.0.0.1:5000',
      socketUrl: 'http://127.0.0.1:5050',
      isJson: false,
    });
    expect((await parse([], true)).options).toMatchObject({ speed: 1, vehicles: 8, durationS: undefined });
    expect((await parse([], false)).options).toMatchObject({ durationS: 60 });
  });

  it('reads every option', async () => {
    const args =
      '--as-recorded --speed 2.5 --vehicles 3 --batch 500 --patience 5 --json dir --email a --password b';
    expect(
      (await parse([...args.split(' '), '--url', 'https://x:1/', '--socket-url=http://[::1]:2'], true))
        .options,
    ).toMatchObject({
      path: 'dir',
      isAsRecorded: true,
      speed: 2.5,
      vehicles: 3,
      batch: 500,
      patienceMs: 5000,
      isJson: true,
      email: 'a',
      password: 'b',
      url: 'https://x:1',
      socketUrl: 'http://[::1]:2',
    });
    expect(
      (await parse(['--duration', '90', '--rate', '10', '--seed', '7', '--speed', 'max'], true)).options,
    ).toMatchObject({
      durationS: 90,
      rateHz: 10,
      seed: 7,
      speed: 'max',
    });
    expect(await parse(['--help', 'a', 'b'], true)).toMatchObject({ exitCode: 0, options: null });
  });

  it.each([
    [['--vehicles', '0'], /--vehicles.*'0' is invalid. Give a whole number from 1 to 1000/],
    [['--vehicles', '1.5'], /--vehicles.*Give a whole number from 1 to 1000/],
    [['--vehicles', ''], /--vehicles.*Give/],
    [['--speed', 'fast'], /--speed.*Give a number above 0, or max/],
    [['--speed', '0'], /--speed.*Give/],
    [['--speed', '2'], 'needs --duration'],
    [['--as-recorded'], '--as-recorded is for recorded tracks only'],
    [['a', '--duration', '5'], '--duration is for the simulation only'],
    [['a', 'b'], /too many arguments.*b/],
    [['--url', 'localhost:5000'], /--url.*Give http\(s\):\/\/host:port/],
    [['--socket-url', 'http://x/path'], /--socket-url.*Give http\(s\):\/\/host:port/],
    [['--nope'], /nope/],
  ])('refuses %j', async (argv, message) => {
    const { exitCode, error, options } = await parse(argv, true);
    expect([exitCode, options]).toEqual([64, null]);
    expect(error).toMatch(message);
  });
});
