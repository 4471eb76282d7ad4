import { describe, expect, it } from '@jest/globals';
import { runCommandLine } from '../../core/commands/index.js';
import { addWatchOptions, type WatchArguments, watchOptionsOf } from './watch.command.js';
import type { WatchOptions } from './watch-session.js';

async function parse(argv: readonly string[]): Promise<{ exitCode: number; options: WatchOptions | null }> {
  let options: WatchOptions | null = null;
  const output = { write: (): boolean => true };
  const exitCode = await runCommandLine(
    ['watch', ...argv],
    { env: {}, stdout: output, stderr: output, signal: new AbortController().signal },
    [
      {
        name: 'watch',
        summary: '',
        load: async () => (command) => {
          addWatchOptions(command).action((given: WatchArguments) => void (options = watchOptionsOf(given)));
        },
      },
    ],
  );
  return { exitCode, options };
}

describe('samserver watch', () => {
  it('reads every option', async () => {
    const argv =
      '--vehicle RTW --vehicle NEF\u00a01 --bbox -1,50,1,52 --rows 5 --seconds 2.5 --email a --password b';
    expect((await parse([...argv.split(' '), '--url', 'https://x:1/'])).options).toMatchObject({
      prefixes: ['rtw', 'nef\u00a01'],
      bbox: [-1, 50, 1, 52],
      rows: 5,
      seconds: 2.5,
      url: 'https://x:1',
      socketUrl: 'http://127.0.0.1:5050',
    });
    const { options } = await parse([]);
    expect(options).toMatchObject({ prefixes: [] });
    expect([options?.bbox, options?.seconds]).toEqual([undefined, undefined]);
    expect(await parse(['-h'])).toEqual({ exitCode: 0, options: null });
  });

  it.each([
    ['--bbox 1,2,3'],
    ['--bbox 1,2,3,x'],
    ['--bbox 1,60,3,50'],
    ['--bbox'],
    ['--rows 0'],
    ['--seconds -1'],
    ['--url ftp://x'],
    ['--nonsense'],
    ['extra'],
  ])('%s is wrong usage', async (argv) =>
    expect(await parse(argv.split(' '))).toEqual({ exitCode: 64, options: null }),
  );
});
