import { describe } from '@jest/globals';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun, ROOT, run } from './engine.js';

const DIRECTORY = join(ROOT, 'test/stack/old-boxes');
export const PICTURES_EVERY_S = 0.7;

/** What a program measured. */
export interface BoxResult {
  /** Answers by status; without an answer by the name of the error. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly latenciesMs: readonly number[];
  /** Answers with 200 by box code. */
  readonly byBox: Readonly<Record<string, number>>;
}

interface BoxOptions {
  readonly url: string;
  readonly codes: readonly string[];
  readonly seconds: number;
}

/** The boxes' programs with their own libraries, for all boxes at the same time. */
export class BoxPrograms {
  private readonly children: ChildProcessWithoutNullStreams[] = [];
  private readonly originS = Date.now() / 1_000;

  /** @returns after the end of all posts: the results of positions and, with a directory of `frames`, of pictures */
  async post(options: BoxOptions, frames?: string): Promise<{ positions: BoxResult; pictures?: BoxResult }> {
    const positions = await this.start('python3', 'positions.py', { ...options, originS: this.originS });
    if (frames === undefined) return { positions: await positions.run() };
    const pictures = await this.start(process.execPath, 'pictures.cjs', { ...options, frames });
    const [ofPositions, ofPictures] = await Promise.all([positions.run(), pictures.run()]);
    return { positions: ofPositions, pictures: ofPictures };
  }

  /** Ends programs that a failed test has left. */
  stop(): void {
    for (const child of this.children) child.kill('SIGKILL');
  }

  /** @returns when the program has loaded its library and its frames */
  private async start(
    program: string,
    script: string,
    options: object,
  ): Promise<{ run: () => Promise<BoxResult> }> {
    const child = spawn(program, [join(DIRECTORY, script), JSON.stringify(options)]);
    this.children.push(child);
    let output = '';
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const ready = new Promise<void>((resolve) =>
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.startsWith('ready\n')) resolve();
      }),
    );
    await Promise.race([ready, ended]);
    return {
      run: async () => {
        child.stdin.write('\n');
        await ended;
        if (child.exitCode !== 0) throw new Error(`${script} ended with ${child.exitCode}:\n${errors}`);
        return JSON.parse(output.slice('ready\n'.length)) as BoxResult;
      },
    };
  }
}

/** JPEGs of a V4 box by ffmpeg: 640x360, 17 to 20 kB, each with other bytes. @param seed another one gives other pictures */
export async function makeFrames(directory: string, count: number, seed: number): Promise<void> {
  await mkdir(directory);
  const source = `testsrc2=size=640x360:rate=3/2,noise=alls=10:allf=t:all_seed=${seed}`;
  const encoder = ['-frames:v', String(count), '-q:v', '8', '-f', 'image2', join(directory, '%06d.jpg')];
  await mustRun('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, ...encoder]);
}

async function missingPrograms(): Promise<string[]> {
  const missing: string[] = [];
  if (!existsSync(join(DIRECTORY, 'node_modules')))
    missing.push('request (npm ci --ignore-scripts --prefix test/stack/old-boxes)');
  if ((await run('python3', ['-c', 'import requests'])).code !== 0)
    missing.push('requests for python3 (python3 -m pip install requests)');
  if ((await run('ffmpeg', ['-version'])).code !== 0) missing.push('ffmpeg');
  return missing;
}

/** `describe` with the libraries of the boxes' programs, `describe.skip` without them; in CI they must be there. */
export async function describeWithBoxPrograms(
  describeOnEngine: typeof describe | typeof describe.skip,
): Promise<typeof describe | typeof describe.skip> {
  const missing = await missingPrograms();
  if (missing.length === 0) return describeOnEngine;
  const why = `the boxes' programs need: ${missing.join(', ')}`;
  if (process.env['CI'] === 'true') throw new Error(why);
  console.warn(`SKIPPED: ${why}`);
  return describe.skip;
}
